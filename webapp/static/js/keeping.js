// What is chosen in a form with data-keep is kept on the server a moment later, by a POST to the page itself.
"use strict";

(() => {
  let timer = null;

  async function keep(form) {
    const status = form.querySelector("[data-keep-status]");
    try {
      const response = await fetch(location.href, { method: "POST", body: new FormData(form), headers: session.headers() });
      status.textContent = response.ok && !response.redirected ? status.dataset.saved : status.dataset.notSaved;
    } catch {
      status.textContent = status.dataset.notSaved;
    }
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-keep]");
    if (!form) return;
    clearTimeout(timer);
    timer = setTimeout(keep, 400, form);
  });
})();
