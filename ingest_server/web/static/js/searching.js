// The list of recordings: selecting, rows by keys, pictures when the list has settled, filters folded on phones.
(() => {
  const results = document.getElementById("results");
  const rows = () => [...results.querySelectorAll("tbody tr")];
  const boxes = () => [...results.querySelectorAll("[name=evidence_id]")];

  // Selecting
  const count = () => {
    const bulk = results.querySelector("[data-bulk]");
    if (!bulk) return;
    const chosen = boxes().filter((box) => box.checked);
    const words = bulk.querySelector("[data-bulk-words]");
    words.textContent = chosen.length ? words.dataset.some.replace("{n}", chosen.length) : words.dataset.none;
    bulk.classList.toggle("some", chosen.length > 0);
    bulk.querySelector("[data-bulk-clear]").hidden = chosen.length === 0;
    const act = bulk.querySelector("[data-bulk-act]");
    if (act) act.classList.toggle("primary", chosen.length > 0);
    boxes().forEach((box) => box.closest("tr").classList.toggle("sel", box.checked));
    const all = results.querySelector("[data-all]");
    all.disabled = false;
    all.checked = chosen.length > 0 && chosen.length === boxes().length;
    all.indeterminate = chosen.length > 0 && !all.checked;
  };
  const choose = (isChosen) => {
    boxes().forEach((box) => { box.checked = isChosen; });
    count();
  };
  results.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) choose(event.target.checked);
    else count();
  });
  results.addEventListener("click", (event) => {
    if (event.target.closest("[data-bulk-clear]")) choose(false);
  });

  // Rows by keys: arrows go, Enter opens as the link itself does, x selects.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const all = rows();
    const here = all.findIndex((row) => row.contains(document.activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && (here >= 0 || document.activeElement === document.body || results.contains(document.activeElement))) {
      const next = all[here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1)];
      if (!next) return;
      event.preventDefault();
      next.querySelector(".open").focus();
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "x" && here >= 0) {
      const box = all[here].querySelector("[name=evidence_id]");
      box.checked = !box.checked;
      count();
    }
  });

  // Pictures: only of a list that has stood still, so that typing is no row of events. The server records first.
  const settled = 900;
  let timer = 0;
  const isWanted = () => localStorage.getItem("pictures") !== "off";
  const failed = document.getElementById("pictures-failed");
  const show = async () => {
    const places = [...results.querySelectorAll("[data-picture]")].filter((place) => !place.querySelector("img"));
    if (!places.length) return;
    const body = new URLSearchParams(places.map((place) => ["evidence_id", place.dataset.picture]));
    try {
      const answer = await fetch("/recordings/previews", {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRF-Token": document.body.dataset.csrf },
        body,
      });
      if (!answer.ok) throw new Error(answer.status);
      const { pictures } = await answer.json();
      for (const place of places) {
        const address = pictures[place.dataset.picture];
        if (!address || !place.isConnected) continue;
        const picture = new Image();
        picture.alt = "";
        picture.loading = "lazy";
        const stand = place.querySelector("svg");
        // What cannot be shown any more leaves its placeholder.
        picture.addEventListener("error", () => picture.replaceWith(stand));
        picture.src = address;
        stand.replaceWith(picture);
      }
      failed.textContent = "";
      failed.classList.add("vh");
    } catch {
      failed.textContent = failed.dataset.words;
      failed.classList.remove("vh");
    }
  };
  const wait = () => {
    clearTimeout(timer);
    if (isWanted()) timer = setTimeout(show, settled);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pictures-switch], [data-pictures-once]");
    if (!button) return;
    if (button.matches("[data-pictures-once]")) {
      event.preventDefault();
      show();
      return;
    }
    localStorage.setItem("pictures", isWanted() ? "off" : "on");
    press();
    if (isWanted()) show();
  });
  const press = () => {
    const button = document.querySelector("[data-pictures-switch]");
    if (button) button.setAttribute("aria-pressed", String(isWanted()));
    results.querySelectorAll("[data-pictures-once]").forEach((once) => { once.hidden = isWanted(); });
    // Who attaches nothing has nothing to select: with scripts, pictures are shown for the whole page.
    const bulk = results.querySelector("[data-bulk]");
    if (bulk && !bulk.querySelector("[data-bulk-act]")) {
      results.querySelector("table").classList.add("no-ticks");
      bulk.hidden = isWanted();
      const words = bulk.querySelector("[data-bulk-words]");
      words.textContent = words.dataset.none = "";
    }
  };

  // Filters are folded on phones, where they would push the results away.
  const fold = document.querySelector("[data-filters-switch]");
  const filters = document.getElementById("more-filters");
  const narrow = matchMedia("(max-width: 719px)");
  const arrange = () => {
    fold.hidden = !narrow.matches;
    filters.classList.toggle("folded", narrow.matches);
    fold.setAttribute("aria-expanded", String(!narrow.matches));
  };
  fold.addEventListener("click", () => {
    const isFolded = filters.classList.toggle("folded");
    fold.setAttribute("aria-expanded", String(!isFolded));
  });
  narrow.addEventListener("change", arrange);

  document.addEventListener("htmx:beforeRequest", () => clearTimeout(timer));
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== results) return;
    // What is saved under a name is what is looked at now.
    const here = document.querySelector("[data-here]");
    if (here) here.value = location.pathname + location.search;
    document.querySelector("[data-announce]").textContent = results.querySelector("[data-found-words]").textContent;
    count();
    press();
    wait();
  });
  arrange();
  count();
  press();
  wait();
})();
