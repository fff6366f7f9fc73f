"""Patterns with stars, as robots.txt has them (RFC 9309 2.2.3): for its own rules, and for our scopes."""

from collections.abc import Sequence


def fits(text: str, parts: Sequence[str], anchored: bool) -> bool:
    """Whether a text begins with these parts, any characters between them, and ends there when anchored.

    Takes time in proportion to the text's length.
    """
    if not text.startswith(parts[0]):
        return False
    position = len(parts[0])
    for part in parts[1:-1] if anchored else parts[1:]:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    if not anchored:
        return True
    return text == parts[0] if len(parts) == 1 else text.endswith(parts[-1], position)
