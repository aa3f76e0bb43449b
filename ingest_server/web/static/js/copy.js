// A button that copies what stands in another element, and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.querySelector("[role=status]").textContent = button.dataset.copied;
  } catch {
    // Browsers copy only on safe connections; there the text is selected instead, for Ctrl-C.
    getSelection().selectAllChildren(source);
  }
});
