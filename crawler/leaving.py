"""Where a page may take the browser by itself: within the site, and to no address that speaks of an act.

A move is stopped in the page, before anything is asked for, by the browser's own `navigate` event: no call more for
pages that stay. What was stopped is kept as `leftFor`, where the isolated world's other scripts find it. Frames may
go where they like: they are part of the page. Not seen are moves that a frame of an opaque origin makes the page do.
"""

import json

from crawler.scope import Scope
from crawler.unsafe import HINTS, QUERY_HINTS

# An act is only suspected here. What is stopped without need is said to lead where it would have led, and is judged
# as an address like any other.
_SCRIPT = """
if (self === top) (() => {
  globalThis.leftFor = null;  // before an element of the page can be it
  const [inside, excluded] = %s.map((patterns) => patterns.map((each) => new RegExp(each)));
  const [hints, inQuery] = %s;
  const plain = (text) => unescape(text).toLowerCase().replace(/[^a-z0-9]/g, "");
  const suspected = ({pathname, search}) =>
    hints.some((each) => plain(pathname + search).includes(each)) || inQuery.some((each) => plain(search).includes(each));
  const fits = (patterns, address) => patterns.some((each) => each.test(address));
  // Chromium ends reading a document whose form is sent meanwhile: it would be waited for in vain.
  const isBrokenOff = () => document.readyState === "complete" &&
    performance.getEntriesByType("navigation").some((each) => !each.domContentLoadedEventStart);
  globalThis.navigation?.addEventListener("navigate", (event) => {
    const {url, sameDocument} = event.destination;
    const address = url.split("#")[0];
    if (sameDocument || !/^https?:/.test(url) || address === location.href.split("#")[0]) return;
    if (!event.formData && fits(inside, address) && !fits(excluded, address) && !suspected(new URL(url))) return;
    event.preventDefault();
    if (event.downloadRequest == null) globalThis.leftFor ??= url;
    setTimeout(() => { if (isBrokenOff()) location.replace("about:blank"); });
  });
})();
"""


def guard(scope: Scope) -> str:
    """The script, for an isolated world of every frame, that keeps a page from taking the browser elsewhere."""
    return _SCRIPT % (json.dumps(scope.regexes()), json.dumps([HINTS, QUERY_HINTS]))
