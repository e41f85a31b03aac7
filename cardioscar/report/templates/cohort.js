"use strict";
(() => {
  const table = document.getElementById("subjects");
  const body = table.tBodies[0];
  const search = document.getElementById("search");
  const outcome = document.getElementById("outcome");
  const qc = document.getElementById("qc");
  const size = document.getElementById("size");
  const shown = document.getElementById("shown");
  const pager = document.getElementById("pager");
  const place = document.getElementById("place");
  const [previous, next] = pager.querySelectorAll("button");
  const heads = [...table.tHead.rows[0].cells];

  // A reason spans the columns of the numbers that its row lacks.
  const texts = (row) => [...row.cells].flatMap((cell) =>
    cell.colSpan > 1 ? Array(cell.colSpan).fill("") : [cell.textContent.trim()]);

  // The text of each row is read once: ten thousand rows are filtered between two key strokes.
  const rows = [...body.rows].map((row, order) => ({
    row, order,
    cells: texts(row),
    text: row.textContent.toLowerCase(),
  }));
  // On a phone a row is a card, and each number says what it is.
  for (const { row } of rows) {
    let at = 0;
    for (const cell of row.cells) {
      if (at > 3 && cell.colSpan === 1 && !cell.classList.contains("why")) cell.dataset.head = heads[at].textContent.trim();
      at += cell.colSpan;
    }
  }
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const key = (text, numeric) => {
    if (text === "" || text === "–") return null;
    return numeric ? Number(text.replaceAll(",", "").replace("−", "-")) : text;
  };
  let column = -1, direction = 1, page = 0, found = rows, bar = null;
  const chip = document.getElementById("chip");

  // Bullseyes are drawn for the rows that are shown.
  const stops = table.dataset.stops.split(" "), wedges = table.dataset.wedges.split(" "), svg = "http://www.w3.org/2000/svg";
  function draws(row) {
    const heart = row.querySelector(".heart:empty");
    if (heart) {
      const image = new Image(44, 44);
      image.alt = ""; image.decoding = "async"; image.src = `data:image/webp;base64,${heart.dataset.webp}`;
      heart.append(image);
    }
    const eye = row.querySelector(".eye:empty");
    if (!eye) return;
    const picture = document.createElementNS(svg, "svg");
    picture.setAttribute("viewBox", "-102 -102 204 204"); picture.setAttribute("aria-hidden", "true");
    eye.dataset.eye.split(" ").forEach((percent, k) => {
      const path = document.createElementNS(svg, "path");
      path.setAttribute("d", wedges[k].replaceAll(",", " "));
      path.setAttribute("fill", percent === "-" ? "#e2e6ea" : stops[Math.round(Number(percent) / 100 * (stops.length - 1))]);
      picture.append(path);
    });
    eye.append(picture);
  }

  function draw() {
    const length = size.value === "all" ? Math.max(found.length, 1) : Number(size.value);
    const pages = Math.max(1, Math.ceil(found.length / length));
    page = Math.min(page, pages - 1);
    const first = page * length;
    const fragment = document.createDocumentFragment();
    for (const item of found.slice(first, first + length)) { draws(item.row); fragment.append(item.row); }
    body.replaceChildren(fragment);
    const count = (n) => n.toLocaleString("en");
    shown.textContent = found.length === rows.length
      ? `${count(rows.length)} subject${rows.length === 1 ? "" : "s"}` : `${count(found.length)} of ${count(rows.length)} subjects`;
    pager.hidden = pages === 1;
    place.textContent = `${count(first + 1)} to ${count(Math.min(first + length, found.length))} of ${count(found.length)}`;
    previous.disabled = page === 0;
    next.disabled = page === pages - 1;
  }

  function select() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter((item) =>
      (!bar || bar.has(item.order)) &&
      (!outcome.value || item.cells[1] === outcome.value) &&
      (!qc.value || item.cells[2] === qc.value) &&
      words.every((word) => item.text.includes(word)));
    if (column >= 0) {
      const numeric = heads[column].dataset.type === "number";
      const keyed = found.map((item) => [key(item.cells[column], numeric), item]);
      keyed.sort(([a, one], [b, two]) => {
        // what is undefined comes last, whichever way the rest is sorted
        if (a === null || b === null) return (a === null) - (b === null) || one.order - two.order;
        return direction * (numeric ? a - b : collator.compare(a, b)) || one.order - two.order;
      });
      found = keyed.map(([, item]) => item);
    }
    page = 0;
    draw();
  }

  heads.forEach((head, index) => head.querySelector("button").addEventListener("click", () => {
    direction = column === index ? -direction : 1;
    column = index;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    select();
  }));
  function choose(rect) {
    for (const other of document.querySelectorAll(".histogram .chosen")) other.classList.remove("chosen");
    bar = rect ? new Set(rect.dataset.rows.split(" ").map(Number)) : null;
    chip.hidden = !rect;
    if (rect) { rect.classList.add("chosen"); chip.textContent = `${rect.dataset.name} ×`; chip.setAttribute("aria-label", `${rect.dataset.name}: show all again`); }
    select();
    if (rect) document.getElementById("table").scrollIntoView();
  }
  for (const rect of document.querySelectorAll(".histogram rect[data-rows]")) {
    rect.setAttribute("tabindex", "0"); rect.setAttribute("role", "button"); rect.setAttribute("aria-label", rect.dataset.name);
    rect.addEventListener("click", () => choose(rect));
    rect.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(rect); } });
  }
  chip.addEventListener("click", () => choose(null));
  // A subject's page is told its neighbours in the order shown here: one reads through what a filter left.
  const REACH = 200;
  body.addEventListener("pointerdown", leads); body.addEventListener("keydown", leads); body.addEventListener("click", leads);
  function leads(event) {
    const link = event.target.closest("th a"), own = link ? found.findIndex((item) => item.row.contains(link)) : -1;
    if (own < 0) return;
    const around = found.slice(Math.max(0, own - REACH), own + REACH + 1)
      .map((item) => (item.row.querySelector("th a")?.getAttribute("href") || "").split("#")[0])
      .filter((href) => /^\w[\w.-]*\/report\.html$/.test(href)).map((href) => href.split("/")[0]);
    link.setAttribute("href", `${link.getAttribute("href").split("#")[0]}#among=${around.join(",")}`);
  }
  search.addEventListener("input", select);
  for (const control of [outcome, qc]) control.addEventListener("change", select);
  size.addEventListener("change", () => { page = 0; draw(); });
  previous.addEventListener("click", () => { page -= 1; draw(); });
  next.addEventListener("click", () => { page += 1; draw(); });
  // Paper has no pages to turn: print every row that the filter leaves.
  let before = null;
  window.addEventListener("beforeprint", () => { before = [size.value, page]; size.value = "all"; draw(); });
  window.addEventListener("afterprint", () => { [size.value, page] = before; draw(); });
  document.getElementById("tools").hidden = false;
  draw();
})();
