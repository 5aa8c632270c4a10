// Which answer of a pair is in front: by the arrow keys, by focus, or by the flip control of a narrow screen.
"use strict";

(() => {
  function bringToFront(pair, side) {
    pair.dataset.sideNow = side;
    for (const button of pair.querySelectorAll("[data-show-side]")) {
      button.setAttribute("aria-pressed", String(button.dataset.showSide === side));
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show-side]");
    if (button) bringToFront(button.closest("[data-sides]"), button.dataset.showSide);
  });

  document.addEventListener("focusin", (event) => {
    const side = event.target.closest("[data-side]");
    if (side) bringToFront(side.closest("[data-sides]"), side.dataset.side);
  });

  document.addEventListener("keydown", (event) => {
    const pair = document.querySelector("[data-sides]");
    const leftmost = document.dir === "rtl" ? "ba" : "ab"; // A stands where the page's language begins
    const side = { ArrowLeft: leftmost[0], ArrowRight: leftmost[1] }[event.key];
    if (!side || !pair || event.target.matches("input, textarea, select")) return;
    bringToFront(pair, side);
    pair.querySelector(`[data-side="${side}"]`).focus({ preventScroll: true });
  });
})();
