// The element that a repair has left: what stands now where a finding stood, or says what it said. Runs in our world of
// the frame that the finding was in. `before` is what the finding's HTML tells: tag, classes, text, and `own`, the
// attributes that tell the element from others of its kind.
(target, before, named, failing) => {
  const find = (selector) => {
    try {
      return axe.utils.shadowSelect(selector);
    } catch {
      return null;
    }
  };
  const bare = (value) => value.split("?")[0].trim();
  const words = (element) => element.textContent.replace(/\s+/g, " ").trim();
  function* elements(root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      if (element.shadowRoot) yield* elements(element.shadowRoot);
    }
  }
  // As the engine keeps an element: whole when short, else its opening tag.
  const told = (element) => {
    try {
      return new axe.utils.DqElement(element).source;
    } catch {
      const whole = element.outerHTML;
      return whole.length > 300 ? whole.slice(0, whole.indexOf(">") + 1) : whole;
    }
  };

  const own = Object.entries(before.own);
  const tellable = own.length > 0 || before.text.length > 1;
  const place = target.length ? find(target) : null;
  const weight = (element) => {
    const same = own.filter(([name, value]) => bare(element.getAttribute(name) ?? "") === bare(value)).length
      + (before.text.length > 1 && words(element) === before.text);
    const there = element === place;
    const tag = element.localName === before.tag;
    if (tellable ? !same : !(there && tag)) return 0;
    return 8 * same + 4 * tag + 2 * there + before.classes.some((each) => element.classList.contains(each));
  };

  let alike = [];
  if (named) {
    alike = [find(named)].filter(Boolean);
  } else {
    let best = 0;
    for (const element of elements(document)) {
      const its = weight(element);
      if (its > best) [best, alike] = [its, []];
      if (its && its === best) alike.push(element);
    }
    // boxes around the same words: the innermost says them
    alike = alike.filter((each) => !alike.some((other) => other !== each && each.contains(other)));
  }
  if (alike.length !== 1) return {alike: alike.length};
  const [element] = alike;
  const {x, y, width, height} = element.getBoundingClientRect();
  const title = element === document.documentElement ? document.querySelector("head > title") : null;
  const around = title || element.parentElement;
  return {
    alike: 1,
    there: element === place,
    html: told(element),
    around: around ? title ? told(title) : (around.outerHTML.length > 1000 ? told(around) : around.outerHTML) : null,
    box: width > 0 && height > 0 ? [x + scrollX, y + scrollY, width, height] : null,
    failing: failing.some((each) => find(each) === element),
  };
}
