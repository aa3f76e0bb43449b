// The player: visible controls with words, J K L, comma and full stop, marks of notes, the claimed clock.
(() => {
  const player = document.querySelector("[data-player]");
  if (!player) return;
  const find = (name) => player.querySelector(`[data-${name}]`);
  const video = find("video"), seek = find("seek"), marks = find("marks"), speed = find("speed");
  const started = Date.parse(player.dataset.started ? `${player.dataset.started}Z` : "");
  const rate = player.dataset.rate.split("/").map(Number);
  let frame = rate[0] > 0 ? (rate[1] || 1) / rate[0] : 1 / 25;

  const show = (seconds, digits = 0) => {
    const whole = Math.floor(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    const pad = (value) => String(value).padStart(2, "0");
    const rest = digits ? `.${String(Math.floor((seconds - whole) * 1000)).padStart(3, "0").slice(0, digits)}` : "";
    return (hours ? `${hours}:${pad(minutes)}` : `${minutes}`) + `:${pad(whole % 60)}${rest}`;
  };
  const go = (seconds) => { video.currentTime = Math.max(0, Math.min(seconds, video.duration || 0)); };
  const step = (count) => { video.pause(); go(video.currentTime + count * frame); };
  const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());

  video.controls = false;
  find("controls").hidden = false;
  find("strip").hidden = false;

  // How long a frame is, from the frames themselves where the browser tells.
  if (video.requestVideoFrameCallback) {
    let before = null;
    const look = (_, data) => {
      if (before && data.presentedFrames === before.presentedFrames + 1) {
        const gap = data.mediaTime - before.mediaTime;
        if (gap > 0.004 && gap < 0.5) frame = gap;
      }
      before = data;
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  const acts = {
    play: toggle,
    back: () => go(video.currentTime - 5),
    forward: () => go(video.currentTime + 5),
    "frame-back": () => step(-1),
    "frame-on": () => step(1),
    mute: () => { video.muted = !video.muted; },
    full: () => (document.fullscreenElement ? document.exitFullscreen() : find("screen").requestFullscreen()),
  };
  player.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) acts[button.dataset.do]();
  });
  find("screen").addEventListener("click", toggle);
  speed.addEventListener("change", () => { video.playbackRate = Number(speed.value); });
  seek.addEventListener("input", () => go(Number(seek.value)));

  const keys = { j: "back", k: "play", l: "forward", ",": "frame-back", ".": "frame-on" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return;
    const act = keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    acts[act]();
  });

  const tell = () => {
    find("time").textContent = show(video.currentTime, 2);
    seek.value = video.currentTime;
    seek.setAttribute("aria-valuetext", show(video.currentTime));
    const clock = find("clock");
    if (clock && !Number.isNaN(started)) clock.textContent = new Date(started + video.currentTime * 1000).toISOString().slice(11, 19);
    const at = document.querySelector("[data-note-at]");
    if (at && document.activeElement !== at && !at.dataset.own) at.value = show(video.currentTime);
  };
  const draw = () => {
    marks.replaceChildren();
    document.querySelectorAll("#notes a[data-at]").forEach((note, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = number + 1;
      button.title = note.dataset.mark;
      button.setAttribute("aria-label", note.dataset.mark);
      if (note.closest(".corrected")) button.className = "corrected";
      button.style.left = `${Math.min(100, (Number(note.dataset.at) / 10 / (video.duration || 1)))}%`;
      button.addEventListener("click", () => go(Number(note.dataset.at) / 1000));
      marks.append(button);
    });
  };
  video.addEventListener("loadedmetadata", () => {
    seek.max = video.duration;
    find("length").textContent = show(video.duration);
    find("trouble-picture").hidden = Boolean(video.videoWidth) || !player.dataset.kind.startsWith("video/");
    draw();
    tell();
  });
  video.addEventListener("timeupdate", tell);
  video.addEventListener("seeked", tell);
  const word = () => {
    const button = player.querySelector("[data-do=play]");
    find("play-word").textContent = video.paused ? button.dataset.wordPlay : button.dataset.wordPause;
  };
  video.addEventListener("play", word);
  video.addEventListener("pause", word);
  video.addEventListener("volumechange", () => {
    const button = player.querySelector("[data-do=mute]");
    find("mute-word").textContent = video.muted ? button.dataset.wordSound : button.dataset.wordMute;
  });
  video.addEventListener("error", async () => {
    // A grant that ended and a format nobody knows look the same to the player; the server knows.
    const answer = await fetch(player.dataset.address, { method: "HEAD" }).catch(() => null);
    find(answer && answer.status === 403 ? "trouble-grant" : "trouble").hidden = false;
  });
  if (video.error) video.dispatchEvent(new Event("error"));
  if (video.readyState >= 1) video.dispatchEvent(new Event("loadedmetadata"));

  document.addEventListener("click", (event) => {
    const note = event.target.closest("a[data-at]");
    if (!note) return;
    event.preventDefault();
    go(Number(note.dataset.at) / 1000);
    player.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-note-at]")) event.target.dataset.own = "1";
  });
  document.addEventListener("htmx:afterSwap", () => { draw(); tell(); });

  if (location.hash === "#play") {
    history.replaceState(null, "", location.pathname);
    video.play().catch(() => {});
  }
})();
