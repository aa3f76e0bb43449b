// The link's code moves from the fragment into the form, and out of the address bar and the history.
(() => {
  const field = document.querySelector("[data-link-token]");
  const take = () => {
    const code = location.hash.slice(1);
    if (!code) return;
    field.value = code;
    history.replaceState(null, "", location.pathname);
  };
  take();
  // A second link opened in the same window changes only the fragment.
  addEventListener("hashchange", take);
  if (field.value) {
    field.closest(".field").hidden = true;
    document.getElementById("f-password").focus();
  }
})();
