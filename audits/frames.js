// Runs in an isolated world of every frame, after the rule engine: page scripts reach none of it.
globalThis.jisweep = (() => {
  // The engine gives way to others between its rules by timers, which never fire in a frame that is sandboxed
  // without scripts; a promise's turn comes in every frame, and sooner.
  const later = globalThis.setTimeout;
  globalThis.setTimeout = (run, delay, ...given) =>
    delay > 0 ? later(run, delay, ...given) : void Promise.resolve().then(() => run(...given));

  const RUN = {resultTypes: ["violations", "incomplete"], preload: {assets: ["media"], timeout: 3000}};

  // Resolves to true once nothing changed for `quiet` ms, to false when that did not come within `cap` ms.
  const settle = (quiet, cap) => new Promise((resolve) => {
    if (!document.scripts.length && !document.getAnimations().length) return resolve(true);
    const observer = new MutationObserver(() => { clearTimeout(calm); calm = setTimeout(end, quiet, true); });
    const end = (settled) => {
      observer.disconnect();
      clearTimeout(calm);
      clearTimeout(latest);
      resolve(settled);
    };
    let calm = setTimeout(end, quiet, true);
    const latest = setTimeout(end, cap, false);
    observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  });

  // The frame's own part of the results, and where its child frames are.
  const partial = async (context, rules) => {
    const options = {...RUN, rules};
    const part = context ? await axe.runPartial(context, options) : await axe.runPartial(options);
    if (!part.frames.length) return {part, frames: []};
    const contexts = axe.utils.getFrameContexts(context || document, options);
    const frames = part.frames.map((spec, index) => ({
      selector: spec.selector,
      ancestry: spec.ancestry,
      context: contexts[index].frameContext,
    }));
    return {part, frames};
  };

  const check = ({id, data, impact}) => ({id, data: data === undefined ? null : data, impact});

  const node = (outcome, {html, target, impact, any, all, none}) => ({
    html, target, impact, checks: [...any, ...all, ...none].map(check),
  });

  // The main frame's part stays here: only those of other frames have to cross over.
  let own = null;

  const finish = async (parts, rules) => {
    const results = await axe.finishRun([own, ...parts], {...RUN, rules});
    const list = (outcome, found) => found.map(({id, impact, nodes}) => ({
      id, impact, outcome, nodes: nodes.map((each) => node(outcome, each)),
    }));
    return [...list("failed", results.violations), ...list("cantTell", results.incomplete)];
  };

  const describe = (element) => {
    const names = [...element.classList].sort().join(".");
    return element.localName + (names && "." + names);
  };

  // From the element up through shadow roots to the document: tags and classes, nearest first.
  const chain = (element) => {
    const links = [];
    for (let at = element; at; at = at.parentElement || (at.getRootNode() || {}).host) links.push(describe(at));
    return links;
  };

  const find = (selector) => {
    try {
      return axe.utils.shadowSelect(selector);
    } catch {
      return null;
    }
  };

  // For each selector: the element's box in the frame's document, and its chain; null when it is gone.
  const places = (selectors) => selectors.map((selector) => {
    const element = find(selector);
    if (!element) return null;
    const {x, y, width, height} = element.getBoundingClientRect();
    const shown = width > 0 && height > 0;
    return {box: shown ? [x + scrollX, y + scrollY, width, height] : null, chain: chain(element)};
  });

  const size = () => {
    const {scrollWidth, scrollHeight} = document.documentElement;
    return [Math.max(scrollWidth, innerWidth), Math.max(scrollHeight, innerHeight)];
  };

  // The source of a page that has hardly any links: it may be a firewall's wall; null for any other.
  const bare = () => {
    const source = document.links.length <= 5 && document.documentElement ? document.documentElement.outerHTML : "";
    return source && source.length <= 200000 ? source : null;
  };

  // Where the document came from, whatever its scripts say it is now.
  const source = () => performance.getEntriesByType("navigation").map(({name}) => name).join();

  // Lets the page settle and tests the main frame; a page without further frames is finished and located at once.
  const begin = async (quiet, cap, rules) => {
    const settled = await settle(quiet, cap);
    const {part, frames} = await partial(null, rules);
    own = part;
    const told = {settled, source: source(), size: size(), bare: bare(), frames, rules: null};
    if (frames.length) return told;
    told.rules = await finish([], rules);
    const nodes = told.rules.flatMap((rule) => rule.nodes);
    const where = places(nodes.map(({target}) => target[0]));
    nodes.forEach((each, index) => { each.place = where[index]; });
    return told;
  };

  // Where a frame element's inner document begins, in the document that holds the element.
  const inner = (selector) => {
    const element = find(selector);
    if (!element) return null;
    const {x, y} = element.getBoundingClientRect();
    return [x + scrollX + element.clientLeft, y + scrollY + element.clientTop];
  };

  // Links as the page shows them, in open shadow roots and frames of the same origin too.
  const links = () => {
    const found = new Set();
    const visit = (root) => {
      for (const element of root.querySelectorAll("*")) {
        if (element.matches("a[href], area[href]") && !element.hasAttribute("download")) found.add(element.href);
        if (element.shadowRoot) visit(element.shadowRoot);
        if (element.contentDocument) visit(element.contentDocument);
      }
    };
    visit(document);
    return [...found].map(String);
  };

  return {settle, begin, partial, finish, places, inner, size, links, bare};
})();
