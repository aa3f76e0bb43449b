// What every page does: theme, finding by key, dialogs, the session's token with each htmx request, words for waiting.
(() => {
  const root = document.documentElement;

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-switch], [data-density-switch], [data-open], [data-close], [data-print]");
    if (!button) return;
    if (button.matches("[data-theme-switch]")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    } else if (button.matches("[data-density-switch]")) {
      root.dataset.density = root.dataset.density === "compact" ? "normal" : "compact";
      localStorage.setItem("density", root.dataset.density);
    } else if (button.matches("[data-open]")) {
      document.getElementById(button.dataset.open)?.showModal();
    } else if (button.matches("[data-close]")) {
      button.closest("dialog")?.close();
    } else {
      print();
    }
  });

  // On narrow windows the navigation is one line: where one is should be seen without pushing it.
  document.querySelector(".side [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const find = document.querySelector("[data-find-here]") || document.querySelector("[data-find]");
    if (find) {
      event.preventDefault();
      find.focus();
      find.select();
    }
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.body.dataset.csrf;
    if (token) event.detail.headers["X-CSRF-Token"] = token;
  });
})();
