// Checks custody lines in the browser itself: leaf to root (RFC 9162), openings to commitments, checkpoint to key.
(() => {
  // A change on the page renews the panel; its words and its address stay the same.
  const findPanel = () => document.querySelector("[data-custody]");
  if (!findPanel()) return;
  const say = findPanel().dataset, bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const utf8 = new TextEncoder(), join = (...items) => {
    const whole = new Uint8Array(items.reduce((sum, item) => sum + item.length, 0));
    items.reduce((at, item) => (whole.set(item, at), at + item.length), 0);
    return whole;
  };
  const sha = async (...items) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...items)));
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const same = (a, b) => a.length === b.length && a.every((byte, place) => byte === b[place]);
  const need = (is, what) => { if (!is) throw new Error(what); };

  // RFC 8785 for the values that records hold: texts, whole numbers, true, false, null, lists, objects.
  const canonical = (value) => {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value && typeof value === "object") return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
    return JSON.stringify(value);
  };
  const framed = (bytes) => {
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(bytes.length));
    return join(new Uint8Array(length.buffer), bytes);
  };
  const commit = async (opening) => hex(await sha(
    utf8.encode("evidock/commitment/v1\n"), framed(utf8.encode(opening.label)), framed(bytesOf(opening.salt)), framed(utf8.encode(canonical(opening.value))),
  ));

  // RFC 9162 section 2.1.3.2, as chain_of_custody/merkle.py has it; BigInt, as indexes may pass 2^32.
  const climb = async (index, size, leaf, path) => {
    let first = BigInt(index), last = BigInt(size) - 1n, node = await sha(Uint8Array.of(0), leaf);
    for (const sibling of path) {
      need(last > 0n, "path");
      if (first & 1n || first === last) {
        node = await sha(Uint8Array.of(1), sibling, node);
        while (first && !(first & 1n)) { first >>= 1n; last >>= 1n; }
      } else node = await sha(Uint8Array.of(1), node, sibling);
      first >>= 1n;
      last >>= 1n;
    }
    need(last === 0n, "path");
    return node;
  };
  const readNote = (note) => {
    const end = note.indexOf("\n\n"), text = note.slice(0, end + 1), lines = text.split("\n");
    need(end > 0 && lines.length === 4 && /^(0|[1-9][0-9]{0,15})$/.test(lines[1]), "checkpoint");
    return { text, origin: lines[0], size: lines[1], root: bytesOf(lines[2]), signatures: note.slice(end + 2).split("\n").filter(Boolean) };
  };
  // True where the signature holds, null where this browser cannot tell; throws where it is wrong.
  const checkSignature = async (note, vkey) => {
    const [name, id, encoded] = [vkey.split("+")[0], vkey.split("+")[1], vkey.split("+").slice(2).join("+")], key = bytesOf(encoded);
    need(key[0] === 1 && key.length === 33 && name === note.origin, "key");
    need(hex((await sha(utf8.encode(`${name}\n`), key)).slice(0, 4)) === id, "key");
    const line = note.signatures.find((item) => item.startsWith(`\u2014 ${name} `) && hex(bytesOf(item.split(" ")[2]).slice(0, 4)) === id);
    need(line, "signature");
    let imported;
    try {
      imported = await crypto.subtle.importKey("raw", key.slice(1), "Ed25519", false, ["verify"]);
    } catch {
      return null;
    }
    need(await crypto.subtle.verify("Ed25519", imported, bytesOf(line.split(" ")[2]).slice(4), utf8.encode(note.text)), "signature");
    return true;
  };

  const checkProof = async (line, proof) => {
    const leaf = bytesOf(proof.leaf), note = readNote(proof.checkpoint);
    const payload = JSON.parse(new TextDecoder().decode(bytesOf(JSON.parse(new TextDecoder().decode(leaf)).payload)));
    // What stands on the page is what the leaf says.
    need(proof.index === Number(line.dataset.index) && payload.seq === Number(line.dataset.seq) && payload.type === line.dataset.type && payload.time === line.dataset.time && payload.origin === note.origin, "line");
    need(same(await climb(proof.index, note.size, leaf, proof.path.map(bytesOf)), note.root), "root");
    let parts = 0;
    for (const [label, opening] of Object.entries(proof.openings)) {
      need(opening.label === label && payload.commitments[label] === (await commit(opening)), "opening");
      parts += 1;
    }
    return { isSigned: await checkSignature(note, proof.vkey), parts, leaf: hex(await sha(leaf)), prev: payload.prev, size: note.size, vkey: proof.vkey };
  };

  const conclude = (line, family, text) => {
    const result = line.querySelector("[data-result]");
    result.hidden = false;
    result.textContent = text;
    result.className = `result sm ${family}`;
    if (family === "ok") {
      line.classList.remove("unwitnessed", "waiting", "false");
      line.classList.add("proved");
      const mark = line.querySelector("[data-mark]");
      mark.textContent = `✓ ${say.sayProved}`;
      mark.className = "st bare ok";
    } else if (family === "bad") {
      line.classList.remove("proved");
      line.classList.add("false");
    }
  };
  const checkLine = async (line) => {
    conclude(line, "", say.sayChecking);
    if (!crypto.subtle) {
      conclude(line, "warn", say.sayInsecure);
      return null;
    }
    let proof;
    try {
      const answer = await fetch(say.custody + line.dataset.index + (say.custodyTail || ""), { headers: { Accept: "application/json" } });
      need(answer.ok, "fetch");
      proof = await answer.json();
    } catch {
      conclude(line, "warn", say.sayMissing);
      return null;
    }
    try {
      const found = await checkProof(line, proof);
      conclude(line, "ok", `${found.isSigned ? say.sayGood : say.sayUnsigned} · ${say.sayCheckpoint} ${found.size} · ${say.sayParts} ${found.parts}`);
      const key = findPanel().querySelector("[data-key]");
      key.textContent = `${say.sayKey} ${found.vkey}`;
      key.hidden = false;
      return found;
    } catch {
      conclude(line, "bad", say.sayFalse);
      return null;
    }
  };

  const reveal = () => findPanel().querySelectorAll("[data-check], [data-check-all]").forEach((button) => { button.hidden = false; });
  const checkAll = async (all) => {
    const panel = findPanel(), word = panel.querySelector("[data-check-word]");
    const lines = Array.from(panel.querySelectorAll("li[data-index]")).reverse(), failed = [];
    all.disabled = true;
    let before = null;
    const first = Number(lines[0].dataset.seq);
    for (const [number, line] of lines.entries()) {
      word.textContent = `${say.sayChecking} ${number + 1} / ${lines.length}`;
      const found = await checkLine(line);
      // Numbered without a gap, each naming the bytes of the one before it.
      if (found && (Number(line.dataset.seq) !== first + number || (number && before && found.prev !== before))) conclude(line, "bad", say.sayFalse), failed.push(line.dataset.seq);
      else if (!found) failed.push(line.dataset.seq);
      before = found ? found.leaf : null;
    }
    word.textContent = failed.length ? `${say.sayNotAll} ${failed.join(", ")}` : say.sayAll;
    word.className = `pad sm st-${failed.length ? "bad" : "ok"}`;
    all.disabled = false;
  };
  reveal();
  document.addEventListener("htmx:oobAfterSwap", reveal);
  document.addEventListener("click", (event) => {
    const one = event.target.closest("[data-custody] [data-check]"), all = event.target.closest("[data-custody] [data-check-all]");
    if (one) checkLine(one.closest("li"));
    if (all) checkAll(all);
  });
})();
