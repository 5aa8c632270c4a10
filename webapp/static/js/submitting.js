// A submission that fails says so and leaves the page, with all that was typed, as it is.
"use strict";

(() => {
  const banner = () => document.querySelector("[data-failure]");

  function say(words) {
    banner().textContent = words;
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

  document.addEventListener("signed-out", (event) => {
    event.preventDefault();
    say("You are signed out. Sign in in another tab, then submit again: everything here is kept.");
  });

  document.addEventListener("htmx:sendError", (event) => {
    const polled = event.detail.requestConfig.verb === "get";
    say(polled ? "The site cannot be reached. This page goes on trying." :
      "The site cannot be reached: nothing was submitted, and everything here is kept. Submit again when it is back.");
  });

  document.addEventListener("htmx:responseError", (event) => {
    const { status, responseText } = event.detail.xhr;
    if (status === 410) { // the project is closed: its own words, and nothing more to fetch
      if (event.detail.requestConfig.verb === "get") event.detail.elt.remove();
      return say(responseText);
    }
    const somebodyElse = "Somebody else is signed in in this browser now: nothing was submitted. Sign in as yourself, then try again.";
    say(status === 412 ? somebodyElse :
      `The site could not do this (${status}). Everything here is kept: try again, or reload the page.`);
  });
})();
