// The text size buttons of the header.
for (const button of document.querySelectorAll(".sizes button")) {
  button.addEventListener("click", () => {
    document.documentElement.style.fontSize = button.dataset.size + "%";
    for (const other of document.querySelectorAll(".sizes button")) other.setAttribute("aria-pressed", String(other === button));
  });
}
