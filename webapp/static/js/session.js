// Requests go out as whoever this page was made for, with the token of this moment: a sign-in in another tab renews the
// token that the page was loaded with. A request that ends on the sign-in page is never swapped into the page that asked.
"use strict";

const session = {
  headers() {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
    return { "x-csrftoken": token ? token[1] : "", "x-signed-in-as": document.body.dataset.user };
  },
};

document.addEventListener("htmx:configRequest", (event) => {
  Object.assign(event.detail.headers, session.headers());
  delete event.detail.parameters.csrfmiddlewaretoken; // in the form for those without scripts; the header counts here
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const answered = xhr.responseURL && new URL(xhr.responseURL).pathname;
  if (!answered || answered === new URL(requestConfig.path, location.href).pathname) return;
  event.detail.shouldSwap = false;
  // A page that holds unsaved work says so itself and stays; any other one signs in and comes back.
  const stays = !document.dispatchEvent(new CustomEvent("signed-out", { cancelable: true }));
  if (!stays) location.reload();
});
