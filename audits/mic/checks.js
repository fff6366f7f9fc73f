// The conditions of the ministry's survey that are decided in the rendered page. Runs in the isolated world of the
// page's main document, after frames.js: the survey counts file by file, and what a frame shows is a file of its own.
jisweep.mic = (() => {
  // ── what counts as long, late or a skip link ────────────────────────────────────────────────────────

  const CHARACTERS = 6; // Japanese ones that a voice reads in a second: 360 a minute, the pace of reading aloud
  const WORDS = 3; // Latin ones
  const LONG = 90; // seconds of reading from which a page needs something to jump by: about 540 characters
  const LATE = 20; // seconds of reading before a skip link, after which it spares nobody much: about 120 characters
  // What a link says that leads past repeated parts; where it leads decides too, see `skips`.
  const SKIP = RegExp(
    "(本文|コンテンツ|メイン[^メへに]{0,8})((へ|に|まで)?の?(移動|ジャンプ|進む|飛ぶ|とぶ|リンク)|へ)|本文を(読む|よむ)|" +
      "スキップ|読み?(飛|と)ば|\\bskip\\b|\\b(jump|go) to (the )?(main|content)", "i");

  const STRUCTURE = "main, nav, aside, header, footer, search, h1, h2, h3, h4, h5, h6, [role=main], [role=navigation], " +
    "[role=banner], [role=contentinfo], [role=complementary], [role=search], [role=region], [role=form], [role=heading]";
  const FIELDS = "input:not([type=hidden i], [type=submit i], [type=reset i], [type=button i], [type=image i]), " +
    "select, textarea";
  const BUTTONS = "button, input[type=submit i], input[type=button i], input[type=image i]";
  const TYPED = "input:is(:not([type]), [type=text i], [type=search i], [type=tel i], [type=email i], [type=url i], " +
    "[type=number i], [type=password i]), textarea";
  const GROUPS = "fieldset, [role=group], [role=radiogroup]";

  // A well-formed tag of RFC 5646 (BCP 47), whether or not its parts are registered.
  const TAG = RegExp(
    "^((([a-z]{2,3}(-[a-z]{3}){0,3})|[a-z]{4}|[a-z]{5,8})(-[a-z]{4})?(-([a-z]{2}|\\d{3}))?" +
      "(-([a-z\\d]{5,8}|\\d[a-z\\d]{3}))*(-[a-wy-z\\d](-[a-z\\d]{2,8})+)*(-x(-[a-z\\d]{1,8})+)?|x(-[a-z\\d]{1,8})+|" +
      "en-gb-oed|i-(ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(be-fr|be-nl|ch-de)|" +
      "art-lojban|cel-gaulish|no-(bok|nyn)|zh-(guoyu|hakka|min|min-nan|xiang))$", "i");

  // ── what the conditions share ───────────────────────────────────────────────────────────────────────

  const blank = (text) => !text || !text.trim(); // no-break and ideographic spaces are white space too
  const emptyAttribute = (element, name) => element.hasAttribute(name) && blank(element.getAttribute(name));
  const presentational = (element) => /^\s*(presentation|none)\b/i.test(element.getAttribute("role") || "");
  const follows = (first, second) => first.compareDocumentPosition(second) & Node.DOCUMENT_POSITION_FOLLOWING;

  // What is made once for a page, and then used by several conditions.
  let made = new Map();
  const once = (make) => () => {
    if (!made.has(make)) made.set(make, make());
    return made.get(make);
  };

  // The document and its open shadow roots; then all elements of a selector in them.
  const gatherRoots = (root) => [root, ...[...root.querySelectorAll("*")].flatMap(
    ({shadowRoot}) => shadowRoot ? gatherRoots(shadowRoot) : [])];
  const roots = once(() => gatherRoots(document));
  const all = (selector) => roots().flatMap((root) => [...root.querySelectorAll(selector)]);

  // Whether people see an element, were they to scroll to it. An element without a box of its own counts as its parent.
  const shown = (element) => {
    if (element.checkVisibility({visibilityProperty: true, checkVisibilityCSS: true})) return true;
    const above = element.parentElement || element.getRootNode().host;
    return Boolean(above) && getComputedStyle(element).display === "contents" && shown(above);
  };

  const ariaHidden = (element) => {
    if (element.closest("[aria-hidden=true]")) return true;
    const {host} = element.getRootNode();
    return Boolean(host) && ariaHidden(host);
  };

  // Whether an element is there for assistive technology.
  const told = (element) => shown(element) && !ariaHidden(element);

  const byIds = (element, attribute) => (element.getAttribute(attribute) || "").split(/\s+/).filter(Boolean)
    .map((id) => [id, element.getRootNode().getElementById(id)]);

  // The name that ARIA gives an element.
  const ariaName = (element) => {
    if (!element.hasAttribute("aria-labelledby")) return element.getAttribute("aria-label") || "";
    const named = byIds(element, "aria-labelledby").map(([, other]) => other ? spoken(other, true) : "").join(" ");
    return blank(named) ? element.getAttribute("aria-label") || "" : named;
  };

  const said = (node, hidden) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    return node.nodeType === Node.ELEMENT_NODE ? spoken(node, hidden) : "";
  };
  const together = (nodes, hidden) => [...nodes].map((node) => said(node, hidden)).join("");
  const inner = (element, hidden) => together((element.shadowRoot || element).childNodes, hidden);

  const drawingTitle = (svg) => [...svg.children].filter(({localName}) => localName === "title")
    .map((title) => title.textContent).join("");

  // Buttons without a value say what they do in the browser's own words.
  const ofInput = (input) => {
    if (input.type === "image") return input.alt;
    if (input.type === "submit" || input.type === "reset") return input.value || input.type;
    return input.type === "button" ? input.value : "";
  };

  const SILENT = new Set(["select", "textarea", "script", "style", "noscript", "template", "iframe"]);

  const content = (element, hidden) => {
    const name = element.localName;
    if (name === "img" || name === "area") return element.alt;
    if (name === "input") return ofInput(element);
    if (name === "svg") return drawingTitle(element) + inner(element, hidden);
    if (name === "slot") return together(element.assignedNodes({flatten: true}), hidden);
    return SILENT.has(name) ? "" : inner(element, hidden);
  };

  // What a voice says for an element; with `hidden` also for what is not shown, as names by reference are.
  const spoken = (element, hidden = false) => {
    if (!hidden && !told(element)) return "";
    for (const text of [hidden ? "" : ariaName(element), content(element, hidden)]) if (!blank(text)) return text;
    return element.getAttribute("title") || "";
  };

  const nameless = (element) => blank(spoken(element));
  const named = (element) => !blank(ariaName(element)); // by ARIA

  // ── links ───────────────────────────────────────────────────────────────────────────────────────────

  const links = once(() => all("a[href]").filter((link) => link instanceof HTMLAnchorElement && told(link)));
  const here = () => document.URL.split("#")[0];
  const inPage = (link) => link.href.includes("#") && link.href.split("#")[0] === here();

  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };

  // The element that an in-page link leads to, as browsers find it; null when there is none.
  const destination = (link) => {
    const raw = link.hash.slice(1).split(":~:")[0];
    const id = decoded(raw);
    const found = document.getElementById(raw) || document.getElementById(id) ||
      [...document.getElementsByName(id)].find((each) => each.localName === "a");
    return found || (id === "" || id.toLowerCase() === "top" ? document.documentElement : null);
  };

  // A skip link says that it leads to the main content, and does not lead back.
  const skips = (link) => {
    if (!SKIP.test(spoken(link))) return false;
    const to = destination(link);
    return !to || Boolean(follows(link, to));
  };

  const inPageLinks = once(() => links().filter(inPage));

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────

  const seconds = (text) => {
    const latin = (text.match(/[!-~]+/g) || []).length;
    return latin / WORDS + text.replace(/[\x00-\x7f\s]+/g, "").length / CHARACTERS;
  };

  // What is read before an element, up to as much as makes it late.
  const readBefore = (element) => {
    const filter = (node) => node === element || node.nodeType === Node.TEXT_NODE || (told(node) &&
      !node.matches("script, style, noscript, template, select, textarea, iframe"))
      ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, filter);
    let read = "";
    for (let node = walker.nextNode(); node && node !== element; node = walker.nextNode()) {
      read += node.nodeType === Node.TEXT_NODE ? node.data : node.localName === "img" ? node.getAttribute("alt") || "" : " ";
      if (seconds(read) >= LATE) break;
    }
    return read;
  };

  const structured = () => all(STRUCTURE).some(told) ||
    inPageLinks().some((link) => follows(link, destination(link) || link));

  // ── tables ──────────────────────────────────────────────────────────────────────────────────────────

  const tables = once(() => all("table").filter((table) => told(table) && !presentational(table)));
  const cells = (table) => [...table.rows].flatMap((row) => [...row.cells]);
  const heads = (table) => cells(table).filter(({localName}) => localName === "th");

  // A table of data has header cells and at least two rows, one with two cells, and neither fields nor tables in it:
  // fields laid out in a table are read by their labels.
  const isData = (table) => table.rows.length > 1 && heads(table).length > 0 &&
    [...table.rows].some((row) => row.cells.length > 1) && !table.querySelector("table, form, " + FIELDS);
  const dataTables = once(() => tables().filter(isData));

  const inFirstRow = (cell) => cell.parentElement === cell.closest("table").rows[0];
  const inFirstColumn = (cell) => cell.cellIndex === 0;

  // Whether headers fill the first row and the first column, and stand nowhere else; what is in the corner is left open.
  const isCross = (table) => cells(table).every((cell) => {
    const [row, column] = [inFirstRow(cell), inFirstColumn(cell)];
    return row && column || (cell.localName === "th") === (row || column);
  });

  // The headers whose cells cannot be told by their position alone. A complex table has headers that span rows or
  // columns, or headers elsewhere than in its first row and column; of a cross, only the corner may belong to both.
  const isComplex = (table) => {
    const found = heads(table);
    if (found.some(({colSpan, rowSpan}) => colSpan > 1 || rowSpan > 1)) return true;
    return !found.every(inFirstRow) && !found.every(inFirstColumn) && !isCross(table);
  };
  const ambiguous = (table) => {
    const found = heads(table);
    if (isComplex(table)) return found;
    if (found.every(inFirstRow) || found.every(inFirstColumn)) return [];
    return found.filter((cell) => inFirstRow(cell) && inFirstColumn(cell));
  };

  const tiedByHeaders = (table) => cells(table).every((cell) => cell.localName === "th" || cell.hasAttribute("headers"));
  const referring = () => tables().flatMap(cells).filter((cell) => cell.hasAttribute("headers"));

  // ── forms ───────────────────────────────────────────────────────────────────────────────────────────

  // The button right after a field names it where it is a field to type in ("検索").
  const namedByButton = (field) => {
    if (!field.matches(TYPED)) return false;
    let next = field.nextSibling;
    while (next && next.nodeType !== Node.ELEMENT_NODE && (next.nodeType === Node.COMMENT_NODE || blank(next.data))) {
      next = next.nextSibling;
    }
    return Boolean(next) && next.nodeType === Node.ELEMENT_NODE && next.matches(BUTTONS) && !nameless(next);
  };

  // Labels by their controls, gathered once: each look at an element's `labels` goes through the whole document.
  const labels = once(() => {
    const found = new Map();
    for (const label of all("label")) {
      const {control} = label;
      if (control) found.set(control, [...found.get(control) || [], label]);
    }
    return found;
  });
  const hasLabel = (control) => (labels().get(control) || []).some((label) => !nameless(label));

  const labelled = (field) => hasLabel(field) || named(field) || namedByButton(field);
  const unlabelled = once(() => all(FIELDS).filter((field) => told(field) && !labelled(field)));

  // Radio buttons and check boxes that belong together, by form, type and name.
  const choices = () => {
    const found = new Map();
    for (const box of all("input:is([type=radio i], [type=checkbox i])[name]").filter(told)) {
      if (!found.has(box.form)) found.set(box.form, new Map());
      const named = found.get(box.form);
      const key = `${box.type} ${box.name}`;
      if (box.name) named.set(key, [...named.get(key) || [], box]);
    }
    return [...found.values()].flatMap((named) => [...named.values()]).filter((boxes) => boxes.length > 1);
  };

  const groupsAround = (element) => {
    const found = [];
    for (let at = element.closest(GROUPS); at; at = at.parentElement && at.parentElement.closest(GROUPS)) found.push(at);
    return found;
  };

  // Grouped in part only, or in several groups; boxes without any group are not held to be scattered.
  const scattered = (boxes) => {
    const around = boxes.map(groupsAround);
    const inOne = around[0].some((group) => around.every((groups) => groups.includes(group)));
    return !inOne && around.some((groups) => groups.length);
  };

  const legends = (fieldset) => [...fieldset.querySelectorAll("legend")].filter((legend) => legend.closest("fieldset") === fieldset);

  // ── images, frames, the document ────────────────────────────────────────────────────────────────────

  const images = once(() => all("img").filter((image) => told(image) && !presentational(image)));
  const imageButtons = () => all("input[type=image i]").filter(told);
  const areas = () => {
    const mapped = new Set(all("img[usemap], object[usemap]").filter(told).map(({useMap}) => useMap));
    return all("map area[href]").filter((area) => mapped.has("#" + area.closest("map").name) && !ariaHidden(area));
  };

  // Text within an element whatever is shown of it: browsers show the inside of an object only in its place.
  const within = (element) => element.textContent + [...element.querySelectorAll("img")].map(({alt}) => alt).join("");

  const frames = (name, titled) => all(name).filter((frame) => told(frame) &&
    (titled ? emptyAttribute(frame, "title") : !frame.hasAttribute("title")));

  const language = () => {
    const {documentElement} = document;
    const xml = document.contentType === "application/xhtml+xml" ? documentElement.getAttribute("xml:lang") : null;
    return xml ?? documentElement.getAttribute("lang") ?? "";
  };

  // The refreshes that take effect: how long until, and whether they lead elsewhere.
  const refreshes = () => [...document.querySelectorAll("meta[http-equiv=refresh i][content]")].flatMap((meta) => {
    const said = /^\s*([\d.]+)\s*[;,]?\s*(?:url\s*=\s*)?(["']?)(.*?)\2\s*$/is.exec(meta.content);
    if (!said) return [];
    const to = said[3] && URL.parse(said[3], document.baseURI);
    return [{meta, delay: parseFloat(said[1]) || 0, away: Boolean(to) && to.href.split("#")[0] !== here()}];
  });

  const soundsByItself = (media) => !media.muted && !media.defaultMuted;

  // ── the conditions ──────────────────────────────────────────────────────────────────────────────────

  const CONDITIONS = {
    "B_0": () => images().filter((image) => !image.hasAttribute("alt") && nameless(image)),
    "B_1": () => imageButtons().filter((button) => !button.hasAttribute("alt") && nameless(button) && !hasLabel(button)),
    "B_2": () => areas().filter((area) => [ariaName(area), area.alt, area.title].every(blank)),
    "B_38": () => images().filter((image) => image.alt && blank(image.alt) && !named(image)),
    "C_300.4": () => imageButtons().filter((button) => emptyAttribute(button, "alt") && !named(button)),
    "C_0.0": () => all("applet").filter((applet) => told(applet) && !applet.getAttribute("alt")),
    "C_1.1": () => all("object").filter((object) => told(object) && blank(within(object))),
    "B_14": () => inPageLinks().filter(nameless),
    "C_57.2": () => links().filter((link) => !inPage(link) && nameless(link)),
    "C_57.3": () => links().filter((link) => emptyAttribute(link, "title")),
    "C_54.1": () => all("fieldset").filter((each) => told(each) && !presentational(each) && legends(each).every(nameless)),
    "C_54.3": () => choices().filter(scattered).map(([first]) => first),
    "C_79.0": () => unlabelled().filter((field) => emptyAttribute(field, "title")),
    "C_79.6": () => unlabelled().filter((field) => !field.hasAttribute("title")),
    "C_331.0": () => dataTables().filter((table) => !tiedByHeaders(table)).flatMap(ambiguous)
      .filter((head) => !head.hasAttribute("scope")),
    "C_331.1": () => tables().flatMap(heads).filter((head) => head.hasAttribute("scope") && !head.scope),
    "C_332.0": () => dataTables().filter((table) => isComplex(table) && !cells(table).some((cell) => cell.matches("[scope], [headers]"))),
    "C_332.1": () => referring().filter((cell) => byIds(cell, "headers").some(([, other]) => !other)),
    "C_332.2": () => referring().filter((cell) => byIds(cell, "headers").some(([, other]) => other && !other.matches("th, td"))),
    "C_85.0": () => [...all("audio[autoplay], video[autoplay]").filter(soundsByItself), ...all("bgsound[src]")],
    "C_36.0": () => refreshes().filter(({away}) => !away).map(({meta}) => meta),
    "C_36.1": () => refreshes().filter(({away, delay}) => away && delay > 0).map(({meta}) => meta),
    "C_33.0": () => all("blink").filter((each) => shown(each) && !blank(each.textContent)),
    "C_33.1": () => all("[style*=blink i]").filter((each) => shown(each) &&
      /text-decoration(-line)?\s*:[^;]*\bblink\b/i.test(each.getAttribute("style"))),
    "C_34.0": () => all("marquee").filter(shown),
    "B_8": () => inPageLinks().filter((link) => !destination(link) && !skips(link)),
    "B_10": () => !structured() && document.body && seconds(document.body.innerText) >= LONG ? [document.body] : [],
    "B_17": () => inPageLinks().filter((link) => destination(link) && skips(link)).slice(0, 1)
      .filter((link) => seconds(readBefore(link)) >= LATE),
    "B_18": () => inPageLinks().filter((link) => !destination(link) && skips(link)),
    "C_51.0": () => frames("frame", false),
    "C_51.1": () => frames("iframe", false),
    "C_51.4": () => frames("frame", true),
    "C_51.5": () => frames("iframe", true),
    "C_21.1": () => blank(language()) || TAG.test(language()) ? [] : [document.documentElement],
  };

  // ── where they were found ───────────────────────────────────────────────────────────────────────────

  const SNIPPET = 300; // characters of an element that are told whole; of longer ones only the start tag

  const html = (element) => {
    const whole = element.outerHTML;
    if (whole.length <= SNIPPET) return whole;
    const inside = element.innerHTML;
    const start = inside ? whole.length - inside.length - `</${element.localName}>`.length : whole.length;
    return whole.slice(0, Math.min(start, 3 * SNIPPET));
  };

  const positions = once(() => new Map()); // elements → their number among their siblings
  const position = (element) => {
    if (!positions().has(element)) [...element.parentNode.children].forEach((each, index) => positions().set(each, index + 1));
    return positions().get(element);
  };

  const alone = (element, root) => element.id && root.querySelectorAll("#" + CSS.escape(element.id)).length === 1;

  // The way down to an element within its root: from the nearest id of its own, or from the top.
  const path = (element, root) => {
    const steps = [];
    for (let at = element; at; at = at.parentElement) {
      if (alone(at, root)) return ["#" + CSS.escape(at.id), ...steps].join(" > ");
      const number = at === document.documentElement || at === document.body ? "" : `:nth-child(${position(at)})`;
      steps.unshift(CSS.escape(at.localName) + number);
    }
    return (root === document ? "" : ":host > ") + steps.join(" > ");
  };

  // As the engine tells it: one selector, or the list of those that lead into shadow roots.
  const target = (element) => {
    const steps = [];
    for (let at = element; at; at = at.getRootNode().host) steps.unshift(path(at, at.getRootNode()));
    return [steps.length > 1 ? steps : steps[0]];
  };

  const rounded = (box) => box && box.map((each) => Math.round(each * 10) / 10);

  const nodes = (elements) => {
    const targets = elements.map(target);
    const where = jisweep.places(targets.map(([selector]) => selector));
    return elements.map((element, index) => {
      const {box, chain} = where[index] || {box: null, chain: []};
      return {html: html(element), target: targets[index], box: rounded(box), chain};
    });
  };

  // Each condition that is met, with the places where: [{id, nodes: [{html, target, box, chain}]}].
  return () => {
    made = new Map();
    return Object.entries(CONDITIONS)
      .map(([item, check]) => ({id: `mic-${item}`, nodes: nodes(check())}))
      .filter((found) => found.nodes.length);
  };
})();
