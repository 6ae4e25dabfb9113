"use strict";
(() => {
  const form = document.getElementById("search");
  const input = document.getElementById("words");
  const found = document.getElementById("found");
  const rows = Array.from(document.querySelectorAll("#rows > tbody > tr"));
  const blocks = Array.from(document.querySelectorAll("#blocks > details > pre"));
  if (rows.length + blocks.length === 0) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());

  const SHOWN = 500;
  const texts = [];
  const text = (row, at) => (texts[at] ??= row.textContent.toLowerCase());
  const count = (number) => number.toLocaleString("en");

  const filter = (matches, all) => {
    let hits = 0;
    rows.forEach((row, at) => {
      const hit = matches(text(row, at));
      row.hidden = !hit;
      hits += hit;
    });
    found.value = all ? "" : `${count(hits)} of ${count(rows.length)}`;
  };

  const gather = (matches, all) => {
    const box = document.getElementById("matches");
    box.hidden = all;
    document.getElementById("blocks").hidden = !all;
    const shown = [];
    let hits = 0;
    if (!all) {
      for (const block of blocks) {
        for (const line of block.textContent.split("\n")) {
          if (line && matches(line.toLowerCase())) {
            if (hits < SHOWN) shown.push(line);
            hits += 1;
          }
        }
      }
    }
    box.querySelector("pre").textContent = shown.join("\n");
    found.value = all ? "" : `${count(hits)} found${hits > SHOWN ? `, the first ${SHOWN} shown` : ""}`;
  };

  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (text) => words.every((word) => text.includes(word));
    (rows.length ? filter : gather)(matches, words.length === 0);
  };

  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, rows.length > 2000 || blocks.length ? 200 : 0);
  });
  if (input.value) search();
})();
