// Runs in an isolated world of every frame, after the rule engine: page scripts reach none of it.
globalThis.jisweep = (() => {
  // The engine gives way to others between its rules by timers, which never fire in a frame that is sandboxed
  // without scripts; a promise's turn comes in every frame, and sooner.
  const later = globalThis.setTimeout;
  globalThis.setTimeout = (run, delay, ...given) =>
    delay > 0 ? later(run, delay, ...given) : void Promise.resolve().then(() => run(...given));

  const RUN = {resultTypes: ["violations", "incomplete"], preload: {assets: ["media"], timeout: 3000}};

  // Frames that load only when they are scrolled to would stay untested: says whether there were any.
  const wakeFrames = () => {
    const asleep = document.querySelectorAll("iframe[loading=lazy i]");
    asleep.forEach((frame) => { frame.loading = "eager"; });
    return asleep.length > 0;
  };

  // Resolves to true once nothing changed for `quiet` ms, to false when that did not come within `cap` ms.
  // With `nodes` only what comes and goes counts, not how it looks.
  const settle = (quiet, cap, nodes = false) => new Promise((resolve) => {
    if (!wakeFrames() && !document.scripts.length && !document.getAnimations().length) return resolve(true);
    const observer = new MutationObserver(() => {
      wakeFrames();
      clearTimeout(calm);
      calm = setTimeout(end, quiet, true);
    });
    const end = (settled) => {
      observer.disconnect();
      clearTimeout(calm);
      clearTimeout(latest);
      resolve(settled);
    };
    let calm = setTimeout(end, quiet, true);
    const latest = setTimeout(end, cap, false);
    observer.observe(document, {subtree: true, childList: true, attributes: !nodes, characterData: !nodes});
  });

  const find = (selector) => {
    try {
      return axe.utils.shadowSelect(selector);
    } catch {
      return null;
    }
  };

  // The frame's own part of the results, and where its child frames are.
  const partial = async (context, rules) => {
    const options = {...RUN, rules};
    const part = context ? await axe.runPartial(context, options) : await axe.runPartial(options);
    if (!part.frames.length) return {part, frames: []};
    const contexts = axe.utils.getFrameContexts(context || document, options);
    const frames = part.frames.map((spec, index) => ({
      selector: spec.selector,
      ancestry: spec.ancestry,
      source: (find(spec.ancestry[spec.ancestry.length - 1]) || {}).src || "",
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

  const listed = (results) => {
    const list = (outcome, found) => found.map(({id, impact, nodes}) => ({
      id, impact, outcome, nodes: nodes.map((each) => node(outcome, each)),
    }));
    return [...list("failed", results.violations), ...list("cantTell", results.incomplete)];
  };

  const finish = async (parts, rules) => listed(await axe.finishRun([own, ...parts], {...RUN, rules}));

  const describe = (element) => [
    element.localName, element.id || "", [...element.classList].sort(), element.getAttribute("role") || "",
  ];

  // From the element up through shadow roots to the document: tag, id, classes and role of each, nearest first.
  const chain = (element) => {
    const links = [];
    for (let at = element; at; at = at.parentElement || (at.getRootNode() || {}).host) links.push(describe(at));
    return links;
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

  // The document and its open shadow roots as text, for what a reader gets of it.
  const roots = (within) => [...within.querySelectorAll("*")].flatMap(({shadowRoot}) => shadowRoot ? [shadowRoot, ...roots(shadowRoot)] : []);
  const html = () => [document.documentElement.outerHTML, ...roots(document).map((root) => root.innerHTML)].join("\n");

  // The same of a page that has hardly any links: it may be a firewall's wall; null for any other.
  const bare = () => {
    const source = document.links.length <= 5 && document.documentElement ? html() : "";
    return source && source.length <= 200000 ? source : null;
  };

  // Where the document came from, whatever its scripts say it is now; or where it was kept from going (crawler.leaving).
  const source = () => typeof leftFor === "string" ? leftFor : performance.getEntriesByType("navigation").map(({name}) => name).join();

  // How much of what people judge by the page's own document has, in open shadow roots too.
  const FEATURES = {
    media: "audio, video, bgsound, applet",
    controls: "input:not([type=hidden i]), select, textarea, button, [contenteditable]:not([contenteditable=false i]), " +
      ":is([role=textbox], [role=searchbox], [role=combobox], [role=listbox], [role=checkbox], [role=radio], " +
      "[role=slider], [role=spinbutton], [role=switch], [role=menuitemcheckbox], [role=menuitemradio], " +
      "[role=treeitem], [role=tab], [role=option])",
    images: "img, svg, canvas, picture, input[type=image i], [role=img], [role=image]",
    tables: "table, [role=table], [role=grid], [role=treegrid]",
    frames: "iframe, frame, object, embed, portal, fencedframe",
  };
  const SOUNDING = /\.(mp[234]|mpe?g|m4[av]|webm|og[gav]|wav|wm[av]|mov|avi|flv|aac|flac|asx|ram?|midi?|m3u8)$/i;
  const sounds = ({href}) => SOUNDING.test(URL.parse(href, document.baseURI)?.pathname ?? "");
  const features = () => {
    const counts = Object.fromEntries(Object.keys(FEATURES).map((name) => [name, 0]));
    const visit = (root) => {
      for (const [name, selector] of Object.entries(FEATURES)) counts[name] += root.querySelectorAll(selector).length;
      counts.media += [...root.querySelectorAll("a[href]:not(svg a)")].filter(sounds).length;
      for (const {shadowRoot} of root.querySelectorAll("*")) if (shadowRoot) visit(shadowRoot);
    };
    visit(document);
    return counts;
  };

  // Tests the main frame; a page without further frames is finished and located at once. One that holds nothing like
  // a frame is run whole: in parts the engine would write down where every place is that passed, too.
  const begin = async (rules) => {
    const told = {size: size(), bare: bare(), features: features(), frames: [], rules: null};
    if (told.features.frames) {
      const {part, frames} = await partial(null, rules);
      own = part;
      if (frames.length) return {...told, source: source(), frames};
      told.rules = await finish([], rules);
    } else {
      told.rules = listed(await axe.run(document, {...RUN, rules}));
    }
    const nodes = told.rules.flatMap((rule) => rule.nodes);
    const where = places(nodes.map(({target}) => target[0]));
    nodes.forEach((each, index) => { each.place = where[index]; });
    return {...told, source: source()};  // last: a page that moves on at once has done so by now
  };

  // Where a frame element's inner document begins, in the document that holds the element.
  const inner = (selector) => {
    const element = find(selector);
    if (!element) return null;
    const {x, y} = element.getBoundingClientRect();
    return [x + scrollX + element.clientLeft, y + scrollY + element.clientTop];
  };

  // Where a link leads, also one within a drawing (SVG); null for what is none.
  const linked = (element) => {
    if (!element.matches("a, area") || element.hasAttribute("download")) return null;
    if (element.namespaceURI !== "http://www.w3.org/2000/svg") return element.hasAttribute("href") ? element.href : null;
    const given = element.getAttribute("href") ?? element.getAttribute("xlink:href");
    return given === null ? null : URL.parse(given, document.baseURI)?.href ?? null;
  };

  // Elements that link, as the page shows them, each with its address; in open shadow roots and frames of the same
  // origin too.
  function* linking(root = document) {
    for (const element of root.querySelectorAll("*")) {
      const address = linked(element);
      if (address) yield [String(address), element];
      if (element.shadowRoot) yield* linking(element.shadowRoot);
      if (element.contentDocument) yield* linking(element.contentDocument);
    }
  }
  const links = () => [...new Set(Array.from(linking(), ([address]) => address))];

  // A link's element as HTML, made where no script of the page notices.
  const told = (element, address) => {
    const apart = document.implementation.createHTMLDocument("").createElement("template");
    apart.innerHTML = element.outerHTML;
    apart.content.firstElementChild.setAttribute("href", address);
    return apart.innerHTML;
  };

  // What opens and closes something on the page and can neither send a form nor lead elsewhere.
  const OPENERS = "summary, button[aria-expanded=false], [role=button][aria-expanded=false], [aria-haspopup=true], " +
    "[aria-haspopup=menu], [data-toggle=dropdown], [data-bs-toggle=dropdown], [data-bs-toggle=collapse]";
  const opensOnly = (element) => !element.closest("form, a[href]:not([href^='#'])");

  // Opens menus one by one and gives the links that came up, as HTML, until there are none left or `most` were opened;
  // and whether there are further ones.
  const openMenus = async (quiet, cap, most) => {
    const before = new Set(links());
    const opened = new Set();
    const found = new Map();
    const next = () => [...document.querySelectorAll(OPENERS)].find((each) => !opened.has(each) && opensOnly(each));
    let menu = next();
    for (; menu && opened.size < most; menu = next()) {
      opened.add(menu);
      menu.click();
      await settle(quiet, cap);
      for (const [address, element] of linking()) {
        if (!before.has(address)) found.set(`${address} ${element.textContent}`, told(element, address));
      }
    }
    return {html: [...found.values()].join("\n"), more: Boolean(menu)};
  };

  return {settle, begin, partial, finish, places, inner, size, links, html, openMenus, bare};
})();
