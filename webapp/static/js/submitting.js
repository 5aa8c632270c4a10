// A submission that fails says so and leaves the page, with all that was typed, as it is.
"use strict";

(() => {
  const words = document.getElementById("words").dataset;
  const AGAIN = 4000;
  const banner = () => document.querySelector("[data-failure]");
  let waiting = null; // the form that could not be sent, until the line is back
  let pressed = null; // and its button
  let timer = null;

  function say(what, link) {
    banner().textContent = what;
    if (link) banner().append(" ", link);
    banner().hidden = false;
    banner().scrollIntoView({ block: "nearest" });
  }

  // The site's own refusals (422, 409) come as the page with its reason: shown like any other answer.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 422 || xhr.status === 409) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      banner().hidden = true;
    } else if (event.detail.shouldSwap) {
      banner().hidden = true;
    }
  });

  // A reason makes the sticky card taller; where the page ends, it lies over nothing that has to be mended.
  document.addEventListener("htmx:afterSettle", (event) => {
    const refused = event.detail.requestConfig.verb === "post" && document.querySelector(".judging .notice");
    if (refused) document.getElementById("workplace").scrollIntoView({ block: "end" });
  });

  // A poll that was under way when its part of the page went has nothing left to draw.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const poll = event.target;
    if (!poll.matches("[hx-trigger^=every]")) return;
    poll.addEventListener("htmx:beforeOnLoad", (late) => poll.isConnected || late.preventDefault(), { once: true });
  });

  // Signing in leads back to this page, where everything is as it was: the site and this browser keep it.
  document.addEventListener("signed-out", (event) => {
    event.preventDefault();
    const link = document.createElement("a");
    link.href = `${words.signIn}?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = words.signInHere;
    say(words.signedOut, link);
  });

  // What was sent while the site could not be reached is sent again by itself, as long as nobody changes it: the same
  // submission twice is one. Other requests, like a poll, try again on their own.
  function sendAgain() {
    clearTimeout(timer);
    const form = waiting;
    if (!form) return;
    if (!form.isConnected) return forget();
    form.requestSubmit(pressed);
  }

  function forget() {
    waiting = null;
    clearTimeout(timer);
  }

  document.addEventListener("htmx:sendError", (event) => {
    const { verb, elt } = event.detail.requestConfig;
    if (verb === "get") return say(words.unreachablePolling);
    const form = elt.closest("form");
    if (!form || !("draft" in form.dataset)) return say(words.unreachable);
    waiting = form;
    pressed = event.detail.requestConfig.triggeringEvent?.submitter ?? null;
    say(words.unreachableWaiting);
    clearTimeout(timer);
    timer = setTimeout(sendAgain, AGAIN);
  });

  window.addEventListener("online", sendAgain);

  document.addEventListener("input", (event) => {
    if (!waiting || event.target.form !== waiting) return;
    forget();
    say(words.unreachable);
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.status) forget(); // the site answered, whatever it said
  });

  document.addEventListener("htmx:responseError", (event) => {
    const { status, responseText } = event.detail.xhr;
    if (status === 410) { // the project is closed: its own words, and nothing more to fetch
      if (event.detail.requestConfig.verb === "get") event.detail.elt.remove();
      return say(responseText);
    }
    say(status === 412 ? words.somebodyElse : words.failed.replace("{status}", status));
  });
})();
