// Figures of a report: what a row of a plot says, on hover, focus and tap, and the order of the rows. Without this
// script the same figures stand beside the drawing, in the server's order.
"use strict";

(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.id = "figure-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let shown = null;

  function show(mark) {
    if (shown !== mark) hide();
    shown = mark;
    tip.replaceChildren(...mark.dataset.tip.split("\n").map((line, place) => {
      const element = document.createElement(place ? "span" : "strong");
      element.textContent = line;
      return element;
    }));
    tip.hidden = false;
    mark.setAttribute("aria-describedby", tip.id);
    const box = mark.getBoundingClientRect();
    const width = tip.offsetWidth;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - width / 2), document.documentElement.clientWidth - width - 8);
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above > 0 ? above : box.bottom + 8) + scrollY}px`;
  }

  function hide() {
    shown?.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  }

  const markOf = (event) => event.target.closest?.("[data-tip]");

  // One stop of the Tab key for each plot; the arrow keys go from row to row.
  function prepare(plot) {
    plot.querySelectorAll("[data-tip]").forEach((mark, place) => mark.setAttribute("tabindex", place ? "-1" : "0"));
    const body = plot.tBodies[0];
    if (!plot.dataset.sorts || body.rows.length < 3) return;
    const label = document.createElement("label");
    label.className = "sorting no-print";
    const choice = document.createElement("select");
    for (const [key, words] of [["", "as ranked"], ["value", plot.dataset.sorts], ["n", "number"], ["name", "name"]]) {
      choice.add(new Option(words, key));
    }
    label.append("Order by ", choice);
    plot.before(label);
    const ranked = [...body.rows];
    choice.addEventListener("change", () => {
      const key = choice.value;
      const rows = key ? [...ranked].sort((one, other) => compare(one, other, key)) : ranked;
      body.append(...rows);
    });
  }

  function compare(one, other, key) {
    const heading = other.classList.contains("heading") - one.classList.contains("heading");
    if (heading) return heading;
    if (key === "name") return one.cells[0].textContent.trim().localeCompare(other.cells[0].textContent.trim());
    const figure = (row) => (row.dataset[key] === undefined || row.dataset[key] === "" ? -Infinity : Number(row.dataset[key]));
    return figure(other) - figure(one);
  }

  document.addEventListener("pointerover", (event) => { if (markOf(event)) show(markOf(event)); });
  document.addEventListener("pointerout", (event) => {
    if (markOf(event) && !markOf(event).contains(event.relatedTarget) && document.activeElement !== shown) hide();
  });
  document.addEventListener("click", (event) => (markOf(event) ? show(markOf(event)) : hide()));
  document.addEventListener("focusin", (event) => (markOf(event) ? show(markOf(event)) : hide()));
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const mark = markOf(event);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!mark || !step) return;
    const marks = [...mark.closest(".plot").querySelectorAll("[data-tip]")];
    const next = marks[marks.indexOf(mark) + step];
    if (!next) return;
    event.preventDefault();
    mark.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });

  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(tip);
    document.querySelectorAll(".plot").forEach(prepare);
  });
})();
