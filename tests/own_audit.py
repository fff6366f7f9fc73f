"""What axe has to say of a page of our own, without measuring the same colours on the same ground again and again.

Nine tenths of an audit of a long table are the contrast of its cells. Contrast depends on the letters' colour, size and
weight and on what they stand on: of each such combination on the page, at its width, the first and the longest text are
measured (of a single letter axe does not say that it is faint). All other rules have the whole page.
"""

from axe_playwright_python.base import AXE_SCRIPT

AUDIT = """async () => {
  const grounds = new Map([[null, ""]]);
  const ground = (element) => {
    if (!grounds.has(element)) {
      const has = getComputedStyle(element);
      const own = [
        has.backgroundColor, has.backgroundImage, has.opacity, has.position, has.float, has.transform, has.filter,
        has.mixBlendMode, has.clip, has.clipPath, has.overflow, has.visibility,
        element.matches("[aria-hidden=true], [aria-disabled=true], [inert], label"),
      ].join();
      const parent = ground(element.parentElement);
      grounds.set(element, parent.endsWith(own) ? parent : `${parent}/${own}`);
    }
    return grounds.get(element);
  };
  const first = new Map(), longest = new Map();
  for (const element of document.body.querySelectorAll("*")) {
    const texts = [...element.childNodes].filter((each) => each.nodeType === Node.TEXT_NODE);
    const length = texts.map((each) => each.data.trim()).join("").length;
    if (!length && !element.matches("input, select, textarea")) continue;
    if (!element.checkVisibility()) continue;
    const has = getComputedStyle(element);
    const letters = [has.color, has.fontSize, has.fontWeight, has.textShadow, element.matches(":disabled")];
    const key = `${ground(element)} ${letters}`;
    if (!first.has(key)) first.set(key, element);
    if (length > (longest.get(key)?.length ?? -1)) longest.set(key, {length, element});
  }
  const measured = new Set([...first.values(), ...[...longest.values()].map(({element}) => element)]);
  const usual = {preload: false, resultTypes: ["violations"]};
  const found = await axe.run({...usual, rules: {"color-contrast": {enabled: false}}});
  const only = {...usual, runOnly: ["color-contrast"]};
  const faint = measured.size ? await axe.run({include: [...measured]}, only) : {violations: []};
  return JSON.stringify([...found.violations, ...faint.violations]);
}"""

__all__ = ["AUDIT", "AXE_SCRIPT"]
