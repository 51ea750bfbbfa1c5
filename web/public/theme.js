// Runs before the first paint, so that a remembered theme never flashes. Kept outside the bundle
// because the content security policy allows no inline script.
(function () {
  try {
    var theme = JSON.parse(localStorage.getItem("mini-claude:theme"));
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is off or holds something else: the system's theme stands.
  }
})();
