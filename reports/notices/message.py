"""A message: what one notice says, before it becomes a mail or JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from reports.clean import one_line
from reports.language import Language


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a notice says, in one language, with the page of the application that shows more."""

    lang: str
    subject: str
    lines: tuple[str, ...]
    path: str
    facts: Mapping[str, Any] = field(default_factory=dict)  # the same for programs

    @classmethod
    def of(cls, language: Language, subject: str, lines: list[str], path: str, facts: Mapping[str, Any]) -> Self:
        """A message in which nothing that a site said can break a line or hide."""
        return cls(
            lang=language.lang, subject=one_line(subject), lines=tuple(map(one_line, lines)), path=path, facts=facts
        )

    def as_row(self) -> dict[str, Any]:
        """The form that a notice's `told` column keeps."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """As it was when its row was made."""
        return cls(**{**row, "lines": tuple(row["lines"])})

    def link(self, public: str) -> str:
        """Where more is to be seen."""
        return f"{public}{self.path}"

    def text(self, public: str) -> str:
        """All of it as plain text."""
        language = Language(self.lang)
        more = language.say("notice.more", link=self.link(public))
        return (
            "\n\n".join(("\n".join(self.lines), more, language.say("notice.foot", link=f"{public}/account"))) + "\n"
        )
