"""The draft of the accessibility policy, as sections that HTML and Word share; what is not known is marked."""

from dataclasses import dataclass

from reports.publish.content import Content


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading, its paragraphs, and a list below them."""

    title: str
    texts: tuple[str, ...]
    points: tuple[str, ...] = ()


def lead(content: Content) -> str:
    """What the organisation promises."""
    return content.say("policy.lead", organisation=content.facts.details.get("organisation") or content.blank)


def sections(content: Content) -> list[Section]:
    """The sections of the policy."""
    say, told, blank = content.say, content.facts.details, content.blank
    contact = " ".join(filter(None, (told.get("organisation"), told.get("contact") or blank)))
    return [
        _range(content),
        Section(title=say("policy.aim"), texts=(_aim(content),)),
        Section(title=say("policy.when"), texts=(content.day(told["target_date"]) if told.get("target_date") else blank,)),
        _exceptions(content),
        Section(title=say("policy.extra"), texts=(say("policy.extra_text"),)),
        Section(
            title=say("policy.test"),
            texts=(say("policy.test_text"), say("policy.test_published", address=told.get("published") or blank)),
        ),
        Section(title=say("policy.contact"), texts=(contact,)),
        Section(title=say("policy.decided"), texts=(blank,)),
    ]  # fmt: skip


def _range(content: Content) -> Section:
    say, facts = content.say, content.facts
    text = say("policy.range_text", site=facts.head.site, scope=facts.details.get("scope") or content.blank)
    points = tuple(
        say("policy.excluded_line", pattern=line.pattern, reason=line.reason or content.blank)
        for line in facts.excluded
    )
    return Section(
        title=say("policy.range"), texts=(text, say("policy.excluded")) if points else (text,), points=points
    )


def _aim(content: Content) -> str:
    aimed = content.facts.details.get("notation")
    notation = content.say(f"notation.{aimed}") if aimed else content.blank
    return content.say(
        "policy.aim_text", standard=content.standard, level=content.facts.aim.value, notation=notation
    )


def _exceptions(content: Content) -> Section:
    say, found = content.say, content.exceptions()
    points = tuple(_exception(content, each) for each in found)
    text = say("policy.exceptions_text") if points else content.no_exceptions
    return Section(title=say("policy.exceptions"), texts=(text,), points=points)


def _exception(content: Content, told: dict[str, str]) -> str:
    """What is left out, and what people wrote of it: by its addresses an outsider can decide."""
    say = content.say
    parts = [
        say(f"policy.exception_{name}", **{name: told[name]}) for name in ("where", "reason", "until") if told[name]
    ]
    return say("policy.exception_line", what=told["what"], told=say("common.comma").join(parts))
