// Harmful content is blurred until the annotator looks: a veil for each step of the work, lifted by its button.
"use strict";

(() => {
  let lifted = ""; // the step that was looked at; a redrawn page of the same step stays clear

  const bench = () => document.querySelector("[data-veiled]");

  function draw() {
    const veiled = bench();
    if (!veiled) return;
    const step = veiled.querySelector("[data-step]").dataset.step;
    veiled.dataset.veiled = String(step !== lifted);
    for (const lifter of veiled.querySelectorAll("[data-lifts]")) lifter.hidden = step === lifted;
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-lifts]")) return;
    lifted = bench().querySelector("[data-step]").dataset.step;
    draw();
    document.getElementById("workplace").focus({ preventScroll: true });
  });

  document.addEventListener("htmx:load", draw);
})();
