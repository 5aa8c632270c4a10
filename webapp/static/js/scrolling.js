// A wide table scrolls inside its box: while it does, the box can be reached and scrolled by keyboard, and has a name.
"use strict";

(() => {
  const BOXES = ".table-scroll, .prose pre, .prose table";

  function nameOf(box) {
    const caption = box.querySelector("caption");
    const heading = box.closest("section, article, dialog, main")?.querySelector("h1, h2, h3");
    return (caption || heading)?.textContent.trim().replace(/\s+/g, " ");
  }

  function look() {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.scrollWidth <= box.clientWidth) {
        if (box.getAttribute("tabindex") === "0") box.removeAttribute("tabindex");
        continue;
      }
      box.tabIndex = 0;
      if (!box.matches(".table-scroll") || box.hasAttribute("aria-label")) continue;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", nameOf(box) || document.title);
    }
  }

  addEventListener("resize", look);
  addEventListener("load", look);
  document.addEventListener("htmx:afterSettle", look);
  document.addEventListener("toggle", look, true); // what unfolds may be wide
})();
