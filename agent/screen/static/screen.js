// Keeps the board live, calls itself stale when it is not, makes a sound on change where a person asked for it, and
// goes back from a slot's page when nobody has touched it for a minute.
(function () {
  "use strict";
  const STALE_MS = 20000;
  const RETRY_MS = 2000;
  const BACK_MS = 60000;
  const SOUND = "evidock.sound";
  const page = document.body.dataset.page;

  function keepBoard() {
    const live = document.getElementById("live");
    const told = document.getElementById("told");
    const language = document.documentElement.lang;
    let heardAt = Date.now();

    function readSound() {
      try { return localStorage.getItem(SOUND) === "on"; } catch { return false; }
    }
    function showSound() {
      const button = document.getElementById("sound");
      const isOn = readSound();
      button.setAttribute("aria-pressed", String(isOn));
      button.querySelector("span").textContent = isOn ? button.dataset.on : button.dataset.off;
    }
    let audio = null;
    function ring(isBad) {
      if (!readSound()) return;
      audio = audio || new AudioContext();
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      tone.frequency.value = isBad ? 330 : 880;
      gain.gain.setValueAtTime(0.2, audio.currentTime);
      gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + (isBad ? 0.8 : 0.25));
      tone.connect(gain).connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + 0.8);
    }
    function tellChanges(fresh) {
      const changed = [];
      fresh.querySelectorAll(".tile").forEach(function (tile) {
        const before = document.getElementById(tile.id);
        if (before && before.dataset.state !== tile.dataset.state) changed.push(tile);
      });
      if (!changed.length) return;
      told.textContent = changed.map(function (tile) {
        return tile.querySelector(".top").textContent.trim() + " " + tile.querySelector(".todo").textContent.trim();
      }).join(" ");
      ring(changed.some(function (tile) { return tile.dataset.state === "problem"; }));
    }
    // What did not change stays the same element, so that a finger or the keyboard does not lose it.
    function renew(fresh) {
      tellChanges(fresh);
      const focused = document.activeElement && document.activeElement.id;
      ["head", "foot"].forEach(function (id) { document.getElementById(id).replaceWith(fresh.querySelector("#" + id)); });
      fresh.querySelectorAll(".tile").forEach(function (tile) {
        const before = document.getElementById(tile.id);
        if (before && !before.isEqualNode(tile)) before.replaceWith(tile);
      });
      showSound();
      const again = focused && document.getElementById(focused);
      if (again && document.activeElement !== again) again.focus({ preventScroll: true });
    }
    function showStale(isStale) {
      document.getElementById("stale").hidden = !isStale;
      document.body.classList.toggle("is-stale", isStale);
    }
    async function poll() {
      const version = document.getElementById("head").dataset.version;
      try {
        const answer = await fetch("/tiles?since=" + version + "&lang=" + language, { signal: AbortSignal.timeout(STALE_MS) });
        if (!answer.ok) throw new Error(String(answer.status));
        const box = new DOMParser().parseFromString(await answer.text(), "text/html");
        heardAt = Date.now();
        // A board that begins anew counts from nothing: take its page whole.
        if (Number(box.getElementById("head").dataset.version) < Number(version)) { location.reload(); return; }
        renew(box);
        showStale(false);
        setTimeout(poll, 250);
      } catch {
        showStale(true);
        setTimeout(poll, RETRY_MS);
      }
    }
    live.addEventListener("click", function (event) {
      if (!event.target.closest("#sound")) return;
      try { localStorage.setItem(SOUND, readSound() ? "off" : "on"); } catch { /* a kiosk may keep nothing */ }
      showSound();
      ring(false);
    });
    setInterval(function () { if (Date.now() - heardAt > STALE_MS) showStale(true); }, 1000);
    showSound();
    poll();
  }

  function keepSlot() {
    let timer = 0;
    function wait() {
      clearTimeout(timer);
      timer = setTimeout(function () { location.href = document.body.dataset.back; }, BACK_MS);
    }
    ["pointerdown", "keydown"].forEach(function (name) { document.addEventListener(name, wait); });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") location.href = document.body.dataset.back;
    });
    const print = document.getElementById("print");
    if (print) print.addEventListener("click", function () { window.print(); });
    wait();
  }

  if (page === "board") keepBoard(); else keepSlot();
})();
