"use strict";
// The cohort's page names the subjects around this one in the address (#among=ID,ID,…), in the order that was shown there.
(() => {
  const place = document.getElementById("neighbours"), found = /^#among=([\w.,-]+)$/.exec(location.hash);
  if (!place || !found) return;
  const names = found[1].split(",").filter(name => /^\w[\w.-]*$/.test(name)), own = names.indexOf(place.dataset.subject);
  if (own < 0) return;
  for (const [step, word] of [[-1, "Previous"], [1, "Next"]]) {
    const name = names[own + step];
    if (!name) continue;
    const link = document.createElement("a");
    link.href = `../${name}/report.html${location.hash}`;
    link.textContent = `${word}: ${name}`; link.rel = step < 0 ? "prev" : "next";
    place.append(link);
  }
  place.append(Object.assign(document.createElement("span"), { textContent: `${own + 1} of ${names.length}` }));
  place.hidden = false;
})();
