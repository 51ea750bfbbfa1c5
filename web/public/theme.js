// Runs before the first paint, so that no other theme flashes: what this browser remembers, else
// what the server's settings say. Kept outside the bundle because the content security policy
// allows no inline script.
(function () {
  var root = document.documentElement;
  var theme = null;
  try {
    theme = JSON.parse(localStorage.getItem("mini-claude:theme"));
  } catch {
    // Storage is off or holds something else.
  }
  theme ??= root.dataset.themePreset;
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
})();
