// A submission that fails says so and leaves the page, with all that was typed, as it is.
"use strict";

(() => {
  const words = document.getElementById("words").dataset;
  const banner = () => document.querySelector("[data-failure]");

  function say(what) {
    banner().textContent = what;
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

  // A poll that is under way when its part of the page goes has nothing left to draw.
  document.addEventListener("htmx:beforeCleanupElement", (event) => {
    if (event.target.matches?.("[hx-trigger^=every]")) htmx.trigger(event.target, "htmx:abort");
  });

  document.addEventListener("signed-out", (event) => {
    event.preventDefault();
    say(words.signedOut);
  });

  document.addEventListener("htmx:sendError", (event) => {
    const polled = event.detail.requestConfig.verb === "get";
    say(polled ? words.unreachablePolling : words.unreachable);
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
