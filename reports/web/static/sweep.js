// Keeps the part of a sweep's page that moves up to date. Without it, the page is read again by its link.
const part = document.getElementById("progress");
const told = document.getElementById("told");
const EVERY = 3000, SAY = 60000;  // milliseconds between two looks, and between two sentences for screen readers
let said = Date.now();
let before = part.firstElementChild.className;

async function look() {
  if (!document.hidden) {
    const answer = await fetch(part.dataset.from).catch(() => null);
    if (answer !== null && (answer.redirected || !answer.ok)) return;  // signed out
    if (answer !== null) {
      part.innerHTML = await answer.text();
      const now = part.firstElementChild;
      if (now.className !== before || Date.now() - said > SAY) {
        told.textContent = now.dataset.said;
        before = now.className;
        said = Date.now();
      }
      if (now.dataset.moves !== "yes") return;
    }
  }
  setTimeout(look, EVERY);
}
setTimeout(look, EVERY);
