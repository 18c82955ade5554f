// Keeps a live part fresh, and keeps a form from being sent twice.
"use strict";

const REFRESH_MS = 1000;

for (const live of document.querySelectorAll("[data-refresh]")) {
  let shown = "";
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(live.dataset.refresh);
      const html = response.ok ? await response.text() : shown;
      if (html === shown || live.contains(document.activeElement)) return;
      live.innerHTML = html;
      shown = html;
    } catch {
      // The emulator is restarting; the next round tries again.
    }
  }, REFRESH_MS);
}

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
