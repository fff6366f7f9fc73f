"""The pages that a command line names: their addresses, or files with one address in each line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from crawler.address import canonical
from crawler.seeds import body_of, text_of
from db.errors import UsageError
from reports.clean import one_line
from reports.cli.options import PASSWORD, start_of

COMMENT = re.compile(r"(?:^|\s)#.*")
TOLD = 10  # wrong lines that are named


def addresses_of(targets: Sequence[str]) -> list[str]:
    """The canonical addresses of all targets, each once, in order. Raises UsageError naming what is none."""
    return list(dict.fromkeys(address for target in targets for address in _of(target)))


def _of(target: str) -> Iterator[str]:
    if target.startswith("@"):
        yield from _of_file(Path(target[1:]))
    elif not re.match(r"https?:", target, re.IGNORECASE) and Path(target).exists():
        yield from _of_file(Path(target))
    else:
        yield start_of(target)


def _of_file(path: Path) -> Iterator[str]:
    """The addresses of a file; comments begin with `#`. Every wrong line is named, but no password that it holds."""
    wrong, found = [], 0
    for number, line in enumerate(text_of(body_of(path, "@")).splitlines(), start=1):
        given = COMMENT.sub("", line).strip()
        address = None if PASSWORD.match(given) else canonical(given)
        if address is not None:
            found += 1
            yield address
        elif given:
            wrong.append((number, "" if PASSWORD.match(given) else f": {one_line(given)[:60]}"))
    if wrong:
        raise _wrong_lines(path, wrong)
    if not found:
        raise UsageError(
            ja=f"{path} にアドレスがありません。1 行に 1 つ、https:// から書いてください。",
            en=f"{path} holds no address: write one in each line, from https:// on.",
        )


def _wrong_lines(path: Path, wrong: list[tuple[int, str]]) -> UsageError:
    more = len(wrong) - TOLD
    ja = "、".join(f"{number} 行目{said}" for number, said in wrong[:TOLD])
    en = "; ".join(f"line {number}{said}" for number, said in wrong[:TOLD])
    return UsageError(
        ja=f"{path} に、ページのアドレスでない行（または、名前やパスワードの入った行）があります。{ja}"
        f"{f'、ほか {more} 行' if more > 0 else ''}。https:// から書いてください。",
        en=f"{path} has lines that are no address of a page, or that hold a name or password: {en}"
        f"{f'; and {more} more' if more > 0 else ''}. Write them from https:// on.",
    )
