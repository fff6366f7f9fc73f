"""The form that an element of a document belongs to: the nearest one around it."""

from selectolax.lexbor import LexborNode


class Owners:
    """Finds forms; no element is looked at twice, however many stand within each other."""

    def __init__(self) -> None:
        self._forms: dict[int, LexborNode | None] = {}  # around an element, as far as asked

    def of(self, element: LexborNode) -> LexborNode | None:
        """The form around an element; None where there is none."""
        passed: list[int] = []
        at = element.parent
        while at is not None and at.tag != "form" and at.mem_id not in self._forms:
            passed.append(at.mem_id)
            at = at.parent
        form = at if at is None or at.tag == "form" else self._forms[at.mem_id]
        self._forms |= dict.fromkeys(passed, form)
        return form
