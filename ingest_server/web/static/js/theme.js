// Before the first paint: the person's theme and density, or the system's wish.
(() => {
  const root = document.documentElement;
  const wish = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    root.dataset.theme = localStorage.getItem("theme") || (wish.matches ? "dark" : "light");
    root.dataset.density = localStorage.getItem("density") || "normal";
  };
  apply();
  wish.addEventListener("change", apply);
})();
