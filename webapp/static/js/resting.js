// A break is suggested after so many minutes at work; a pause of ten minutes counts as one.
"use strict";

(() => {
  const PAUSE = 10 * 60 * 1000;
  const notice = document.querySelector("[data-break-after]");
  if (!notice) return;
  const read = (name) => Number(sessionStorage.getItem(name)) || 0;
  const write = (name, value) => sessionStorage.setItem(name, String(value));

  function work() {
    const now = Date.now();
    if (!read("work-since") || now - read("work-seen") > PAUSE) write("work-since", now);
    write("work-seen", now);
    notice.hidden = now - read("work-since") < Number(notice.dataset.breakAfter) * 60 * 1000;
  }

  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, work);
  notice.querySelector("button").addEventListener("click", (event) => {
    event.stopPropagation();
    write("work-since", Date.now());
    notice.hidden = true;
  });
})();
