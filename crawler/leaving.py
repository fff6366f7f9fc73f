"""Where a page may take the browser by itself: within the site, and to no address that speaks of an act.

A move is stopped in the page, before anything is asked for, by the browser's own `navigate` event: the page stays to be
read. What was stopped is kept as `leftFor`, where the isolated world's other scripts find it. Redirects of a server, and
moves that a frame of an opaque origin makes the page do, are stopped as requests (see crawler.browser). Frames may go
where they like: they are part of the page.
"""

import json

from crawler.scope import Scope
from crawler.unsafe import HINTS, QUERY_HINTS, acts

# Files that no browser shows: a page that leads to one stays where it is. What other addresses are to give as a download
# only their answers tell, and these are not asked for.
SAVED = (
    "zip", "lzh", "7z", "rar", "gz", "tgz", "bz2", "xz", "tar", "exe", "msi", "dmg", "pkg", "apk", "iso",
    "csv", "doc", "docx", "docm", "xls", "xlsx", "xlsm", "ppt", "pptx", "pptm", "odt", "ods", "odp", "rtf", "jtd",
)  # fmt: skip
# An act is only suspected here. What is stopped without need is said to lead where it would have led, and is judged
# as an address like any other.
_SCRIPT = """
if (self === top) (() => {
  // Of a page that was given up. Set before an element of this page can be it.
  globalThis.leftFor = location.href.startsWith("about:blank#") ? unescape(location.hash.slice(1)) : null;
  const [inside, excluded] = %s.map((patterns) => patterns.map((each) => new RegExp(each)));
  const [hints, inQuery, saved] = %s;
  const plain = (text) => unescape(text).toLowerCase().replace(/[^a-z0-9]/g, "");
  const suspected = ({pathname, search}) =>
    hints.some((each) => plain(pathname + search).includes(each)) || inQuery.some((each) => plain(search).includes(each));
  const fits = (patterns, address) => patterns.some((each) => each.test(address));
  const spelled = (escape) => /[\\w.~-]/.test(unescape(escape)) ? unescape(escape) : escape.toUpperCase();
  const addressOf = (url) => {
    const at = new URL(url);
    at.username = at.password = at.hash = "";
    return at.href.replace(/%%[0-9a-f]{2}/gi, spelled);
  };
  const isSaved = ({pathname}) => saved.includes(pathname.split(".").pop().toLowerCase());
  // Chromium ends reading a document whose form is sent meanwhile: it would be waited for in vain.
  const isBrokenOff = () => document.readyState === "complete" &&
    performance.getEntriesByType("navigation").some((each) => !each.domContentLoadedEventStart);
  globalThis.navigation?.addEventListener("navigate", (event) => {
    const {url, sameDocument} = event.destination;
    if (sameDocument || !/^https?:/.test(url) || url.split("#")[0] === location.href.split("#")[0]) return;
    const address = addressOf(url);
    if (!event.formData && fits(inside, address) && !fits(excluded, address) && !suspected(new URL(url))) return;
    event.preventDefault();
    if (event.downloadRequest == null && !isSaved(new URL(url))) globalThis.leftFor ??= url;
    setTimeout(() => { if (isBrokenOff()) location.replace("about:blank#" + escape(leftFor ?? "")); });
  });
})();
"""


def guard(scope: Scope) -> str:
    """The script, for an isolated world of every frame, that keeps a page from taking the browser elsewhere."""
    return _SCRIPT % (json.dumps(scope.regexes()), json.dumps([HINTS, QUERY_HINTS, SAVED]))


def may_go(scope: Scope, address: str) -> bool:
    """Whether a page may take the browser to a canonical address."""
    return scope.judge(address).inside and acts(address) is None
