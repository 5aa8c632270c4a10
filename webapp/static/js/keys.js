// Keyboard shortcuts: an element with data-key is clicked by its key. S and U, which exist on both sides of a pair,
// reach the side in front (see sides.js).
// Enter sends as Ctrl+Enter does where the focus rests on nothing that Enter would press or write into.
// Keys without Ctrl can be switched off, for whoever dictates: a word spoken to the browser would press many of them.
"use strict";

(() => {
  const SWITCH = "single-keys";
  const singleKeys = () => { try { return localStorage.getItem(SWITCH) !== "off"; } catch { return true; } };
  const typing = (element) => element.matches("textarea, select, input:not([type=radio], [type=checkbox])");

  const resting = (element) => element.matches("body, #workplace, [data-side]") && singleKeys();

  function nameOf(event) {
    const held = event.ctrlKey || event.metaKey;
    if (event.altKey) return "";
    if (event.key === "Enter") return held || resting(event.target) ? "ctrl+enter" : "";
    if (event.code === "Space") return held ? "ctrl+space" : "";
    return held ? "" : event.key.toLowerCase();
  }

  function inFront(element) {
    const side = element.closest("[data-side]");
    return !side || side.closest("[data-sides]").dataset.sideNow === side.dataset.side;
  }

  // What lies in a closed fold is reached by its summary alone; in an open one it comes before the rest of the page.
  function inSight(element) {
    const fold = element.closest("details:not([open])");
    return !fold || (element.matches("summary") && element.parentElement === fold);
  }

  // Where a page has two things to send, the keys in a message box send the message alone.
  function inReach(element, from) {
    return !("keyWithin" in element.dataset) || element.closest("[data-region]").contains(from);
  }

  function press(element) {
    const next = element.dataset.then && document.getElementById(element.dataset.then);
    if (next && element.parentElement.open) return next.click();
    element.click();
    if (element.dataset.focuses && element.parentElement.open !== false) document.getElementById(element.dataset.focuses).focus();
  }

  document.addEventListener("keydown", (event) => {
    const key = nameOf(event);
    if (!key || event.repeat || document.querySelector("dialog[open]")) return;
    if (typing(event.target) && !key.startsWith("ctrl+") && key !== "escape") return;
    if (event.key === "Escape" && typing(event.target)) return event.target.blur();
    if (!key.startsWith("ctrl+") && key !== "escape" && !singleKeys()) return;
    const choices = document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`);
    const element = [...choices].find((choice) => !choice.matches(":disabled") && inSight(choice) && inFront(choice)
      && inReach(choice, event.target));
    if (!element) return;
    event.preventDefault();
    press(element);
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (!opener) return;
    const dialog = document.getElementById(opener.dataset.opens);
    for (const box of dialog.querySelectorAll("[data-single-keys]")) box.checked = singleKeys();
    dialog.showModal();
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-single-keys]")) return;
    try { localStorage.setItem(SWITCH, event.target.checked ? "on" : "off"); } catch { /* no store: they stay on */ }
  });
})();
