// Runs before the page is drawn, so that the chosen theme does not flash.
"use strict";
(() => {
  const chosen = localStorage.getItem("qevd-bio-review:theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
