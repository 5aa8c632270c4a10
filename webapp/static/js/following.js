// What a swap of the workplace changes is told to those who cannot see it, and the focus goes where the work goes on.
"use strict";

(() => {
  let told = "";

  // The live region stands outside of what is swapped: one that comes anew with its words would stay silent.
  function tell(workplace) {
    const news = [...workplace.querySelectorAll("[data-tells]")].map((element) => element.textContent.trim()).join(" ");
    if (news !== told) document.querySelector("[data-news]").textContent = news;
    told = news;
  }

  // htmx keeps the focus on an element with the same id, and gives it to one with autofocus.
  function follow(workplace, refused) {
    // What is wrong in a judgement is read, not entered: inside the scale the arrow keys would move the choice.
    const wrong = refused && (workplace.querySelector("[aria-invalid=true]") || document.getElementById("problems"));
    if (wrong) return wrong.focus({ preventScroll: true });
    if (document.activeElement !== document.body) return;
    if (document.getElementById("outcome")) workplace.setAttribute("aria-describedby", "outcome");
    workplace.focus({ preventScroll: true });
    if (workplace.getBoundingClientRect().top < 0) workplace.scrollIntoView();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    const workplace = document.getElementById("workplace");
    tell(workplace);
    follow(workplace, event.detail.xhr?.status === 422);
  });

  document.addEventListener("DOMContentLoaded", () => tell(document.getElementById("workplace")));
})();
