"""How a command refuses: one line on standard error in the reader's language, the exit code, and nothing else."""

import re
from pathlib import Path

from tests.cli.program import Program

JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")


def refused(
    program: Program, code: int, *words: str | Path, seconds: float = 60, **environment: str
) -> tuple[str, str]:
    """The lines in Japanese and in English that a command is refused with, the program run once for each."""
    japanese, english = (
        program.run(*words, seconds=seconds, JISWEEP_LANG=lang, **environment) for lang in ("ja", "en")
    )
    for ended in (japanese, english):
        assert (ended.code, ended.out) == (code, ""), ended
        assert [line[:9] for line in ended.said] == ["jisweep: "], ended.err
        assert "Traceback" not in ended.err
    assert JAPANESE.search(japanese.said[0])
    assert english.said[0].isascii() or not " ".join(map(str, words)).isascii(), english.said
    assert program.left_behind() == []
    return japanese.said[0], english.said[0]


def one_refusal(program: Program, code: int, *words: str | Path, seconds: float = 60, **environment: str) -> str:
    """The English line alone, where a second run would tell nothing new."""
    ended = program.run(*words, seconds=seconds, JISWEEP_LANG="en", **environment)
    assert (ended.code, ended.out) == (code, ""), ended
    assert [line[:9] for line in ended.said] == ["jisweep: "], ended.err
    assert program.left_behind() == []
    return ended.said[0]
