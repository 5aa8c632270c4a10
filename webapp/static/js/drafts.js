// What is typed or chosen in a form with data-draft is kept: at once in this browser, shortly after on the server.
// The browser's copy goes when the server has the same, so a copy that is still there at the next visit is newer.
"use strict";

(() => {
  const PAUSE = 600;
  const IGNORED = ["csrfmiddlewaretoken", "step", "turn", "submission", "confirmed"];
  let timer = null; // a page has one form with a draft at a time, so one pause and one save
  let saving = null;
  const words = document.getElementById("words").dataset;
  const keyOf = (form) => `draft:${form.dataset.draftKey}`;

  function say(form, what, failed = false) {
    const status = form.querySelector("[data-draft-status]");
    if (!status) return;
    status.textContent = what;
    status.classList.toggle("error-text", failed);
  }

  // By name; boxes that share one are a list.
  function fieldsOf(form) {
    const fields = {};
    for (const [name, value] of new FormData(form)) {
      if (IGNORED.includes(name)) continue;
      fields[name] = name in fields ? [fields[name], value].flat() : value;
    }
    return fields;
  }

  function store(form) {
    try {
      localStorage.setItem(keyOf(form), JSON.stringify(fieldsOf(form)));
    } catch { /* a full or forbidden store: the server's copy remains */ }
  }

  function dropCopy(form) {
    try { localStorage.removeItem(keyOf(form)); } catch { /* as above */ }
  }

  function saveLater(form, pause) {
    clearTimeout(timer);
    timer = setTimeout(save, pause, form);
  }

  async function save(form) {
    if (!form.isConnected) return; // another took its place, and took over the browser's copy
    const sent = JSON.stringify([...new FormData(form)]);
    const body = new FormData(form);
    body.delete("csrfmiddlewaretoken");
    const request = new AbortController();
    saving?.abort();
    saving = request;
    try {
      const response = await fetch(form.dataset.draft, {
        method: "POST", body, headers: session.headers(), signal: request.signal,
      });
      if (!form.isConnected) return;
      if (response.redirected) {
        document.dispatchEvent(new CustomEvent("signed-out", { cancelable: true }));
        throw new Error(words.signedOutDraft);
      }
      if (response.status === 410) throw new Error(words.closedDraft);
      if (response.status === 412) throw new Error(words.somebodyElseDraft);
      if (response.status === 409) throw new Error(words.movedOnDraft);
      if (!response.ok) throw new Error(words.answeredDraft.replace("{status}", response.status));
      say(form, words.saved);
      if (sent === JSON.stringify([...new FormData(form)])) dropCopy(form);
    } catch (error) {
      if (!form.isConnected || request.signal.aborted) return;
      const why = error instanceof TypeError ? words.unreachableDraft : error.message;
      say(form, words.notSaved.replace("{why}", why), true);
      if (error instanceof TypeError) saveLater(form, 5000);
    }
  }

  function restore(form) {
    let copy = null;
    try { copy = JSON.parse(localStorage.getItem(keyOf(form))); } catch { /* no store, no copy */ }
    if (!copy) return;
    for (const element of form.elements) {
      if (element.type === "checkbox") element.checked = [copy[element.name]].flat().includes(element.value);
      if (!(element.name in copy) || ["hidden", "checkbox"].includes(element.type)) continue;
      if (element.type === "radio") element.checked = element.value === copy[element.name];
      else element.value = copy[element.name];
    }
    save(form);
  }

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form || !("draft" in form.dataset)) return;
    const unconfirmed = form.elements.namedItem("confirmed");
    if (unconfirmed) unconfirmed.remove();
    store(form);
    say(form, "");
    saveLater(form, PAUSE);
  });

  // Whatever is submitted moves the work on: a draft saved beside it would come too late and be refused.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.verb !== "post") return;
    clearTimeout(timer);
    saving?.abort();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.detail.requestConfig.elt.closest("form"); // a button may send its form elsewhere
    if (form && "draft" in form.dataset && event.detail.xhr.status === 200 && event.detail.shouldSwap) dropCopy(form);
  });

  document.addEventListener("htmx:load", (event) => {
    for (const form of event.detail.elt.querySelectorAll("form[data-draft]")) restore(form);
  });
})();
