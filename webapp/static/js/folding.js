// Answers longer than a screen are shortened, both to the same height, until they are asked for in full; and what a
// block of code is asked for: to be copied, or its long lines broken.
"use strict";

(() => {
  const SCREENS = 1.6; // longer than this is shortened, to a little less than a screen
  let unfolded = ""; // the pair that was asked for in full: it stays so when it is drawn again

  function fit(workplace) {
    const pair = workplace?.querySelector("[data-folds]");
    const control = workplace?.querySelector("[data-unfold]");
    if (!pair || !control) return;
    const arriving = pair.querySelector("[aria-busy=true]");
    const tall = [...pair.querySelectorAll(".foldable")].some((text) => text.scrollHeight > SCREENS * innerHeight);
    control.hidden = !tall || Boolean(arriving);
    show(pair, control, !control.hidden && unfolded !== workplace.dataset.step);
  }

  function show(pair, control, folded) {
    pair.classList.toggle("folded", folded);
    const button = control.querySelector("button");
    button.setAttribute("aria-pressed", String(!folded));
    button.querySelector("span").textContent = folded ? button.dataset.unfoldWords : button.dataset.foldWords;
  }

  document.addEventListener("click", (event) => {
    const workplace = event.target.closest("#workplace");
    if (event.target.closest("[data-unfold] button")) {
      unfolded = unfolded === workplace.dataset.step ? "" : workplace.dataset.step;
      fit(workplace);
    }
    const block = event.target.closest(".code");
    if (block && event.target.closest("[data-wraps]")) {
      const wrapped = block.classList.toggle("wrapped");
      event.target.closest("[data-wraps]").setAttribute("aria-pressed", String(wrapped));
    }
    if (block && event.target.closest("[data-copies]")) copy(block, event.target.closest("[data-copies]"));
  });

  async function copy(block, button) {
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = button.dataset.done;
    } catch { // without a secure connection there is no clipboard: the text is marked, ready for Ctrl+C
      getSelection().selectAllChildren(block.querySelector("code"));
      button.textContent = button.dataset.marked;
    }
    setTimeout(() => { button.textContent = words; }, 1600);
  }

  document.addEventListener("htmx:load", () => fit(document.getElementById("workplace")));
  document.addEventListener("DOMContentLoaded", () => fit(document.getElementById("workplace")));
  addEventListener("resize", () => fit(document.getElementById("workplace")));
})();
