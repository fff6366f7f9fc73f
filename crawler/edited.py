"""A proposed sample as a person has edited it: representative pages may change, what was drawn may not."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from crawler.address import canonical
from crawler.sample import Choice, Proposal, put_in
from db.errors import UsageError
from db.words import Method, Part


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the edited table."""

    number: int  # in the file, from 1
    address: str
    part: Part
    reason: str
    stratum: str = ""  # as the table says it; empty where it says none


def edited(
    proposal: Proposal, lines: Sequence[Line], by: str, words_of: Callable[[str], Collection[str]]
) -> list[Choice]:
    """The sample that the lines give. Raises UsageError naming the line that cannot stand.

    `words_of` gives the words in which a table may say what a page stands for, or which stratum it was drawn from; any
    other reasons are the person's own.
    """
    page_at = {page.address: page for page in proposal.frame}
    why = {each.visit: each.why or "" for each in proposal.choices if each.part is Part.REPRESENTATIVE}
    seen: set[tuple[int, Part]] = set()
    added: list[Choice] = []
    for line in lines:
        page = page_at.get(canonical(line.address) or "")
        if page is None:
            raise _refused(
                line,
                "は、この調査の母集団のページではありません。範囲の中で見つかったページだけを選べます",
                "is no page of this sweep's frame: only pages that exploring found can be chosen",
            )
        if (page.visit, line.part) in seen:
            raise _refused(
                line, "が同じ部分に2回あります。1行にしてください", "stands twice in one part: keep one line"
            )
        seen.add((page.visit, line.part))
        if line.part is not Part.REPRESENTATIVE:
            _check_drawn(proposal, line, page.visit, words_of)
            continue
        _check_put_in(proposal, line)
        proposed = why.get(page.visit)
        ours = proposed is not None and line.reason in words_of(proposed)
        added.append(
            Choice(
                visit=page.visit, part=line.part, rank=0, why=proposed if ours else line.reason,
                added_by=None if ours else by,
            )
        )  # fmt: skip
    _check_whole(proposal, seen)
    return put_in(proposal.choices, added)


def _check_drawn(proposal: Proposal, line: Line, visit: int, words_of: Callable[[str], Collection[str]]) -> None:
    drawn = next((each for each in proposal.choices if each.visit == visit and each.part is line.part), None)
    if drawn is not None and line.reason:
        raise _refused(
            line,
            "は人が選んだページではないので、理由は変えられません。理由の欄をもとのまま（か空）にしてください。理由があって選ぶなら、区分「代表」の行を別に足してください",
            "was not picked by a person, and its reason cannot be changed: leave that cell as it was, or empty. To choose it for a reason, add a line of "
            "the part representative",
        )
    if drawn is not None and line.stratum in ("", *words_of(drawn.stratum or "")):
        return
    if drawn is not None:
        raise _refused(
            line,
            "の層が、選んだときの層と違います。層は選び方から決まるので、変えられません",
            "has another stratum than it was drawn from: strata come from how pages were chosen, and cannot be changed",
        )
    raise _refused(
        line,
        "は抽選で選ばれていません。無作為の部分は人が選ぶものではないので、変えられません",
        "was not drawn: the random part is drawn, not picked, and cannot be changed",
    )


def _check_put_in(proposal: Proposal, line: Line) -> None:
    if proposal.method in (Method.ALL, Method.RANDOM):
        raise _refused(
            line,
            "を代表として加えると方法 d になります。sample propose に --method mixed を付けて作り直してください",
            "put in on purpose makes this method d: propose again with --method mixed",
        )
    if line.stratum:
        raise _refused(
            line,
            "は代表なので、層はありません。層の欄を空にしてください",
            "is representative and of no stratum: leave that cell empty",
        )
    if not line.reason:
        raise _refused(
            line, "を選ぶ理由がありません。理由の列に書いてください", "needs the reason why it is chosen"
        )


def _check_whole(proposal: Proposal, seen: set[tuple[int, Part]]) -> None:
    for each in proposal.choices:
        if each.part is not Part.REPRESENTATIVE and (each.visit, each.part) not in seen:
            address = proposal.pages[each.visit].address
            raise UsageError(
                ja=f"{address} の行がありません。抽選で選ばれたページは除けません。",
                en=f"The line of {address} is missing: what was drawn cannot be left out.",
            )
    wanted = any(each.part is Part.REPRESENTATIVE for each in proposal.choices)
    if wanted and not any(part is Part.REPRESENTATIVE for _, part in seen):
        raise UsageError(
            ja="代表するページが1つもありません。少なくとも1つ選んでください。",
            en="There is no representative page: choose at least one.",
        )


def _refused(line: Line, ja: str, en: str) -> UsageError:
    address = line.address[:200]
    return UsageError(ja=f"{line.number} 行目: {address} {ja}。", en=f"Line {line.number}: {address} {en}.")
