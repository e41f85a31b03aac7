"use strict";
// One slice at a time, cut out of the figure of all of them: large enough to read on a phone too.
(() => {
  const root = document.getElementById("slicer");
  if (!root) return;
  const panels = JSON.parse(document.getElementById("slicer-facts").textContent), image = document.querySelector("#slices .all img");
  const [above, below] = root.querySelectorAll("canvas"), slider = root.querySelector("input"), title = root.querySelector("output");
  function cut(canvas, [x, y, width, height]) {
    const size = Math.round(width * image.naturalWidth);
    canvas.width = size; canvas.height = Math.round(height * image.naturalHeight);
    canvas.getContext("2d").drawImage(image, x * image.naturalWidth, y * image.naturalHeight, size, canvas.height, 0, 0, size, canvas.height);
  }
  function show() {
    const panel = panels[Number(slider.value)];
    cut(above, panel.upper); cut(below, panel.lower);
    title.textContent = panel.title;
    above.setAttribute("aria-label", `${panel.title}: the image with wall and observed scar`);
    below.setAttribute("aria-label", `${panel.title}: the reconstructed scar probability`);
    slider.setAttribute("aria-valuetext", panel.title);
  }
  image.decode().then(() => {
    slider.max = panels.length - 1; slider.value = Math.floor(panels.length / 2);
    slider.addEventListener("input", show);
    show();
    root.hidden = false;
  });
})();
// Paper cannot be unfolded.
(() => {
  let folded = [];
  window.addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; folded.forEach(part => { part.open = true; }); });
  window.addEventListener("afterprint", () => folded.forEach(part => { part.open = false; }));
  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copies).innerText;
      try { await navigator.clipboard.writeText(text); } catch {
        const range = document.createRange(); range.selectNodeContents(document.getElementById(button.dataset.copies));
        getSelection().removeAllRanges(); getSelection().addRange(range); document.execCommand("copy");
      }
      button.textContent = "Copied";
    });
  }
})();
