"use strict";
(async () => {
  const root = document.getElementById("viewer"), canvas = root.querySelector("canvas"), find = name => root.querySelector(`[name=${name}]`);
  const facts = JSON.parse(document.getElementById("viewer-facts").textContent);
  const say = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  let heart;
  try {
    heart = new HeartScene(canvas, facts, await readVolume(facts, document.getElementById("viewer-bytes").textContent));
  } catch (error) {  // no WebGL 2, or an old browser: the pictures stay
    root.dataset.unavailable = String(error && error.message || error).slice(0, 120);
    return;
  }
  root.hidden = false;
  document.documentElement.classList.add("turning");
  const start = { colour: facts.colour, show: facts.show, depth: 50, threshold: facts.threshold, cut: "none", angle: 0, height: 60, channels: facts.lines.length > 0, slices: false };
  const state = { ...start }, controls = new THREE.OrbitControls(heart.camera, canvas);
  controls.enableDamping = false; controls.enablePan = false; controls.minZoom = 0.5; controls.maxZoom = 8; controls.enableZoom = false;
  canvas.style.touchAction = "pan-y pinch-zoom";  // a finger that moves up and down scrolls the page
  canvas.addEventListener("focus", () => { controls.enableZoom = true; });
  canvas.addEventListener("blur", () => { controls.enableZoom = false; });
  canvas.addEventListener("pointerdown", () => canvas.focus({ preventScroll: true }));
  let asked = false;
  const draw = () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; heart.render(); compass(); marks(); root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1); }); } };
  function compass() {
    const inverse = heart.camera.quaternion.clone().invert();
    facts.axes.forEach((row, k) => {
      const tip = new THREE.Vector3(...row).applyQuaternion(inverse), line = root.querySelector(`[data-axis="${k}"]`);
      line.querySelector("path").setAttribute("d", `M0 0 L${22 * tip.x} ${-22 * tip.y}`);
      const text = line.querySelector("text");
      text.setAttribute("x", 31 * tip.x); text.setAttribute("y", -31 * tip.y + 4);
      line.setAttribute("opacity", Math.hypot(tip.x, tip.y) < 0.3 ? 0.25 : 1);
    });
  }
  const names = facts.marks.map(({ text }) => {
    const name = document.createElement("span");
    name.className = "mark"; name.textContent = text; name.setAttribute("aria-hidden", "true");
    canvas.parentElement.append(name);
    return name;
  });
  function marks() {
    facts.marks.forEach(({ point }, k) => {
      const { left, top, facing } = heart.placeOf(point);
      Object.assign(names[k].style, { left: `${100 * left}%`, top: `${100 * top}%`, opacity: facing ? 1 : 0 });
    });
  }
  function look(direction) {
    const [x, y, z] = direction;
    heart.camera.position.set(x, y, z).multiplyScalar(500);
    heart.camera.zoom = 1; heart.camera.updateProjectionMatrix();
    controls.target.set(0, 0, 0); controls.update();
  }
  function numbers() {
    if (!facts.scar) return;
    const index = Math.round(state.threshold * 100), [all, ...thirds] = facts.ml;
    const row = ({ ml, wall }) => `${say(ml[index], 1)} ml, ${wall > 0 ? say(100 * ml[index] / wall, 1) : "–"} %`;
    root.querySelector("[data-out=ml]").textContent = `${say(all.ml[index], 1)} ml`;
    root.querySelector("[data-out=percent]").textContent = `${all.wall > 0 ? say(100 * all.ml[index] / all.wall, 1) : "–"} % of the wall`;
    root.querySelector("[data-out=grams]").textContent = `${say(all.ml[index] * facts.density, 1)} g`;
    thirds.forEach((third, k) => { root.querySelector(`[data-out=third${k}]`).textContent = row(third); });
  }
  function legend() {
    const colour = facts.colours.find(c => c.key === state.colour), ramp = root.querySelector(".ramp"), classes = root.querySelector(".classes");
    ramp.hidden = !colour.stops; classes.hidden = !!colour.stops;
    root.querySelector(".ramp-label").textContent = colour.label + (colour.unit ? `, ${colour.unit}` : "");
    if (colour.stops) {
      ramp.querySelector(".bar").style.background = `linear-gradient(to right, ${colour.stops.join(",")})`;
      ramp.querySelector("[data-out=low]").textContent = colour.low; ramp.querySelector("[data-out=high]").textContent = colour.high;
      const mark = ramp.querySelector(".at"); mark.hidden = colour.key !== "probability"; mark.style.left = `${100 * state.threshold}%`;
      const line = root.querySelector(".line");
      line.hidden = !colour.line || !facts.scar; line.style.setProperty("--line", colour.line || "");
      line.textContent = `line: scar probability ${say(state.threshold, 2)}`;
    } else {
      root.querySelector(".line").hidden = true;
      classes.replaceChildren(...colour.classes.map(k => {
        const item = document.createElement("span"), dot = document.createElement("i"), c = facts.classes[k];
        dot.style.background = c.colour; item.append(dot, document.createTextNode(colour.names[k])); return item;
      }));
    }
  }
  function update() {
    heart.apply(state); numbers(); legend();
    if (facts.scar) { find("threshold").value = state.threshold; root.querySelector("[data-out=threshold]").textContent = say(state.threshold, 2); }
    find("depth").value = state.depth;
    root.querySelector("[data-out=depth]").textContent = `${state.depth} %`;
    root.querySelector("[data-out=position]").textContent = state.cut === "along" ? `${state.angle}°` : `${state.height} %`;
    root.querySelector("[data-part=depth]").hidden = state.show !== "layer";
    root.querySelector("[data-part=position]").hidden = state.cut === "none";
    root.querySelectorAll("input[type=radio]").forEach(box => { box.checked = state[box.dataset.state] === box.value; });
    find("colour").value = state.colour;
    for (const name of ["channels", "slices"]) if (find(name)) find(name).checked = state[name];
    const shown = { wall: "the wall's surface", layer: `the layer at ${state.depth} % of the wall's depth`, scar: `the scar from ${say(state.threshold, 2)} on in the see-through wall` }[state.show];
    canvas.setAttribute("aria-label", `Left ventricle in 3D, base up: ${shown}, coloured by ${facts.colours.find(c => c.key === state.colour).label.toLowerCase()}` + (state.cut === "none" ? "" : ", cut open"));
    draw();
  }
  root.addEventListener("input", event => {
    const box = event.target, name = box.dataset.state || box.name;
    if (name === "position") { state[state.cut === "along" ? "angle" : "height"] = Number(box.value); }
    else if (box.type === "checkbox") state[name] = box.checked;
    else if (box.type === "range") state[name] = Number(box.value);
    else state[name] = box.value;
    if (name === "cut" && state.cut !== "none") {
      const slider = find("position"); slider.max = state.cut === "along" ? 360 : 100; slider.value = state.cut === "along" ? state.angle : state.height;
      if (state.show === "layer") state.show = "wall";
      if (state.cut === "along") look([Math.cos(state.angle * Math.PI / 180) * 0.97, Math.sin(state.angle * Math.PI / 180) * 0.97, 0.24]);
      else look([0.35, 0.2, 0.92]);
    }
    update();
  });
  root.querySelector(".views").addEventListener("click", event => {
    const view = event.target.dataset.view;
    if (view === "reset") { Object.assign(state, start); look(facts.views[0].direction); update(); }
    else if (view !== undefined) { look(facts.views[Number(view)].direction); draw(); }
  });
  canvas.addEventListener("keydown", event => {
    const turns = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, zooms = { "+": 1.15, "=": 1.15, "-": 1 / 1.15 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (turns[event.key]) {
      const at = heart.camera.position.clone(), step = Math.PI / 24, flat = Math.hypot(at.x, at.y), angle = Math.atan2(at.y, at.x) + step * turns[event.key][0];
      const tilt = Math.max(-1.55, Math.min(1.55, Math.atan2(at.z, flat) - step * turns[event.key][1]));
      heart.camera.position.set(Math.cos(tilt) * Math.cos(angle), Math.cos(tilt) * Math.sin(angle), Math.sin(tilt)).multiplyScalar(500);
      controls.update(); draw();
    } else if (zooms[event.key]) {
      heart.camera.zoom = Math.max(0.5, Math.min(8, heart.camera.zoom * zooms[event.key])); heart.camera.updateProjectionMatrix(); draw();
    } else if (facts.scar && (event.key === "[" || event.key === "]")) {
      state.threshold = Math.max(0.01, Math.min(0.99, Math.round(100 * state.threshold + (event.key === "]" ? 1 : -1)) / 100)); update();
    } else if (event.key === "0" || event.key === "Home") { look(facts.views[0].direction); draw(); }
    else return;
    event.preventDefault();
  });
  controls.addEventListener("change", draw);
  new ResizeObserver(() => { heart.resize(); draw(); }).observe(canvas);
  heart.resize(); look(facts.views[0].direction); update();
})();
