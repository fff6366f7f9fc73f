// Keys for who judges many pages: they work only while a choice of a criterion has the focus (WCAG 2.1.4).
"use strict";
const form = document.querySelector(".judging");
if (form && form.querySelector("button[value=next]")) {
  const items = [...form.querySelectorAll(".item")];
  const focusOn = (item) => {
    const radios = item.querySelectorAll("input[type=radio]");
    ([...radios].find((each) => each.checked) || radios[0]).focus();
    item.scrollIntoView({ block: "nearest" });
  };
  form.addEventListener("keydown", (event) => {
    const typed = event.target;
    if (event.key === "Enter" && event.ctrlKey) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button[value=next]"));
      return;
    }
    if (typed.type !== "radio" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const item = typed.closest(".item");
    const place = items.indexOf(item);
    if (event.key === "n" || event.key === "p") {
      const other = items[place + (event.key === "n" ? 1 : -1)];
      if (other) focusOn(other);
    } else if (event.key === "r") {
      item.querySelector("textarea").focus();
    } else if (["1", "2", "3", "0"].includes(event.key)) {
      const radios = item.querySelectorAll("input[type=radio]");
      const chosen = radios[event.key === "0" ? radios.length - 1 : Number(event.key) - 1];
      chosen.checked = true;
      chosen.focus();
    } else return;
    event.preventDefault();
  });
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}
