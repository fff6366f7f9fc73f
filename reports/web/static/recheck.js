// While a recheck runs, its part of the page is fetched anew; without script a link does the same.
(() => {
  const EVERY = 3000;
  const look = async () => {
    const shown = document.getElementById("recheck");
    if (!shown?.dataset.moving) return;
    try {
      const answer = await fetch(shown.dataset.moving, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("recheck");
      const line = shown.querySelector("[role=status]"), said = fresh?.querySelector("[role=status]");
      if (fresh && !fresh.dataset.moving) {
        const inside = shown.contains(document.activeElement);
        shown.replaceWith(fresh);
        if (inside) fresh.focus();
        fresh.querySelector("[role=status]").textContent += " ";  // said aloud by screen readers
        return;
      }
      if (line && said && line.textContent !== said.textContent) line.textContent = said.textContent;
    } catch { /* the next look may succeed */ }
    setTimeout(look, EVERY);
  };
  setTimeout(look, EVERY);
})();
