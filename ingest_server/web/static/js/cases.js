// A text record on its way: how much was sent, in bytes, and what happens then; too large is said before it is sent.
(() => {
  const form = document.querySelector("[data-upload]");
  if (!form) return;
  const file = form.querySelector("input[type=file]");
  file.addEventListener("change", () => {
    const isLarge = file.files[0] && file.files[0].size > Number(file.dataset.limit);
    file.setCustomValidity(isLarge ? file.dataset.tooLarge : "");
    if (isLarge) file.reportValidity();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const place = form.querySelector("[data-upload-progress]");
    const bar = place.querySelector("progress");
    const words = place.querySelector("[role=status]");
    const button = form.querySelector("button");
    const request = new XMLHttpRequest();
    place.hidden = false;
    button.disabled = true;
    words.textContent = words.dataset.sending;
    request.upload.addEventListener("progress", (sent) => {
      if (!sent.lengthComputable) return;
      bar.max = sent.total;
      bar.value = sent.loaded;
      if (sent.loaded === sent.total) words.textContent = words.dataset.keeping;
    });
    request.addEventListener("load", () => {
      if (request.status < 400) {
        location.assign(request.responseURL);
        return;
      }
      // The answer is the whole page with the reason in it.
      const page = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main");
      if (page) document.querySelector("main").replaceWith(document.importNode(page, true));
      document.querySelector("main [role=alert]")?.scrollIntoView({ block: "center" });
    });
    request.addEventListener("error", () => form.submit());
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
})();
