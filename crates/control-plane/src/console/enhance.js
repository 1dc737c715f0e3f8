// Makes pages quicker where browsers run scripts. Everything works without it.
"use strict";
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const parse = (text) => new DOMParser().parseFromString(text, "text/html");
  const offline = (is) => { const told = find("#offline"); if (told) told.hidden = !is; };

  // Forms that act at once: sent in the background, and the content of the page they lead to takes the place of this one.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-enhance]")) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form));
    const pressed = event.submitter;
    if (pressed && pressed.name) fields.append(pressed.name, pressed.value);
    const focused = pressed && pressed.id;
    if (pressed) pressed.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin" });
      const page = parse(await answer.text());
      const content = find("main", page);
      if (!content) { location.assign(answer.url); return; }
      find("main").replaceWith(document.adoptNode(content));
      if (answer.redirected) history.replaceState(null, "", answer.url);
      begin(find("main"));
      if (focused) { const again = document.getElementById(focused); if (again) again.focus(); }
      offline(false);
    } catch (error) {
      if (pressed) pressed.disabled = false;
      offline(true);
    }
  });

  // Pieces that change by themselves: from an address of their own, or from this page.
  const poll = (piece) => {
    const every = 1000 * Number(piece.dataset.every || 5);
    const again = () => setTimeout(async () => {
      if (!piece.isConnected) return;
      if (document.hidden || piece.contains(document.activeElement)) { again(); return; }
      try {
        const answer = await fetch(piece.dataset.poll || location.href, { credentials: "same-origin" });
        if (answer.redirected) { location.reload(); return; }
        const page = parse(await answer.text());
        const fresh = piece.dataset.poll ? page.body.firstElementChild : page.getElementById(piece.id);
        offline(false);
        if (!answer.ok || !fresh || !piece.isConnected) { again(); return; }
        const next = document.adoptNode(fresh);
        piece.replaceWith(next);
        if (next.matches("[data-poll]")) poll(next);
      } catch (error) {
        offline(true);
        again();
      }
    }, every);
    again();
  };

  // A picture that is chosen or dropped is shown before it is sent.
  const drop = (area) => {
    const input = find("input[type=file]", area);
    const image = find("img", area);
    const show = () => {
      const file = input.files[0];
      if (!file || !image) return;
      if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(file);
      image.hidden = false;
    };
    input.addEventListener("change", show);
    for (const name of ["dragenter", "dragover"]) area.addEventListener(name, (event) => { event.preventDefault(); area.classList.add("over"); });
    for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("over"));
    area.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; show(); }
    });
  };

  // Fields that are checked on the server while they are typed: what is wrong with them stands beside them.
  const check = (field) => {
    const told = document.getElementById(field.dataset.told);
    let waiting = 0;
    const ask = async () => {
      const fields = new URLSearchParams(new FormData(field.form));
      for (const [name, value] of [...fields]) if (typeof value !== "string") fields.delete(name);
      try {
        const answer = await fetch(field.dataset.check, { method: "POST", body: fields, credentials: "same-origin" });
        if (answer.ok) told.replaceChildren(...parse(await answer.text()).body.childNodes);
      } catch (error) { offline(true); }
    };
    field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 250); });
  };

  // Parts of a form that belong to one choice are shown with it alone.
  const choices = (form) => {
    const settle = () => {
      for (const part of all("[data-when]", form)) {
        const [name, value] = part.dataset.when.split("=");
        const chosen = find(`[name="${name}"]:checked`, form) || find(`select[name="${name}"]`, form);
        part.hidden = !chosen || !value.split("|").includes(chosen.value);
      }
    };
    form.addEventListener("change", settle);
    settle();
  };

  // Long lists of boxes are narrowed to those whose text has a word.
  const narrow = (field) => {
    field.hidden = false;
    field.addEventListener("input", () => {
      const word = field.value.toLowerCase();
      for (const tick of all(".tick", document.getElementById(field.dataset.narrow))) tick.hidden = !tick.textContent.toLowerCase().includes(word);
    });
  };

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      try {
        await navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent);
        copy.textContent = "Copied";
      } catch (error) { copy.textContent = "Select it and copy"; }
    }
    const append = event.target.closest("[data-append]");
    if (append) {
      const area = document.getElementById(append.dataset.append);
      area.value = (area.value.trimEnd() + "\n" + append.dataset.line).trimStart();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });

  const move = (by) => {
    const rows = all("[data-rows] tbody th a, [data-rows] tbody td:first-child a");
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + by))].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    const follow = { "/": () => find("[data-search]"), n: () => find("[data-new]") }[event.key];
    if (follow) {
      const target = follow();
      if (!target) return;
      event.preventDefault();
      if (event.key === "n") target.click(); else target.focus();
    } else if (event.key === "?") { const keys = find("#keys"); if (keys) keys.showModal(); }
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
  });

  const begin = (within) => {
    all("[data-poll]", within).forEach(poll);
    all("[data-drop]", within).forEach(drop);
    all("[data-check]", within).forEach(check);
    all("[data-choices]", within).forEach(choices);
    all("[data-narrow]", within).forEach(narrow);
    all("[data-copy], [data-append]", within).forEach((button) => { button.hidden = false; });
    const wrong = find("[data-focus]", within);
    if (wrong) wrong.focus();
  };
  begin(document);
})();
