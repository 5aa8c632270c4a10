// Beside a textarea with data-preview: what it says as Markdown, and how many words it has.
"use strict";

(() => {
  const PAUSE = 350;
  let timer = null;
  let asking = null;

  function words(text) {
    if (!("Segmenter" in Intl)) return text.split(/\s+/).filter(Boolean).length;
    const parts = new Intl.Segmenter(document.documentElement.lang || "en", { granularity: "word" }).segment(text);
    return [...parts].filter((part) => part.isWordLike).length;
  }

  function show(area, html) {
    const shown = document.querySelector(`[data-preview-of="${area.id}"]`);
    const empty = document.querySelector(`[data-preview-empty="${area.id}"]`);
    if (!shown) return;
    shown.innerHTML = html; // the site's own rendering, in which every tag of the text is escaped
    empty.hidden = html.trim() !== "";
  }

  async function render(area) {
    asking?.abort();
    asking = new AbortController();
    const body = new FormData();
    body.set("text", area.value);
    try {
      const answer = await fetch(area.dataset.preview, {
        method: "POST", body, headers: session.headers(), signal: asking.signal,
      });
      if (answer.ok && !answer.redirected) show(area, await answer.text());
    } catch { /* a preview that does not come is no loss; what is typed is kept by drafts.js */ }
  }

  function follow(area, pause) {
    const count = document.querySelector(`[data-words-of="${area.id}"]`);
    if (count) count.textContent = words(area.value).toLocaleString(document.documentElement.lang || "en");
    clearTimeout(timer);
    timer = setTimeout(render, pause, area);
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("textarea[data-preview]")) follow(event.target, PAUSE);
  });

  document.addEventListener("htmx:load", (event) => {
    for (const area of event.detail.elt.querySelectorAll("textarea[data-preview]")) follow(area, 0);
  });
})();
