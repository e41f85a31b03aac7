"use strict";
// What stands before the camera, and how it follows the state of the controls.
class HeartScene {
  constructor(canvas, facts, channels) {
    this.canvas = canvas; this.facts = facts; this.channels = channels; this.built = {};
    const { shape, voxel, low } = facts;
    this.toPoint = (x, y, z) => [low[0] + x * voxel, low[1] + y * voxel, low[2] + z * voxel];
    this.near = channels.distance.map(d => d < 255 ? 1 : 0);
    this.textures = Object.fromEntries(Object.keys(channels).map(name => [name, volumeTexture(channels[name], shape)]));
    // without a scar map no place reaches any threshold
    this.textures.probability ??= volumeTexture(new Uint8Array(channels.distance.length), shape);
    this.ramps = Object.fromEntries(facts.colours.map(c => [c.key, c.stops ? rampTexture(c.stops) : null]));
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.scene = new THREE.Scene();
    this.camera = new THREE.OrthographicCamera(-1, 1, 1, -1, 0.1, 2000);
    this.camera.up.set(0, 0, 1);
    this.uniforms = {
      distances: { value: this.textures.distance }, probabilities: { value: this.textures.probability },
      values: { value: this.textures.probability }, ramp: { value: Object.values(this.ramps)[0] },
      low: { value: new THREE.Vector3(...low) }, shape: { value: new THREE.Vector3(...shape) }, voxel: { value: voxel },
      colouring: { value: 0 }, threshold: { value: facts.threshold }, doubt: { value: facts.doubt },
      cut: { value: [0, 0, 0, 1] }, line_colour: { value: new THREE.Vector3(0.11, 0.15, 0.2) },
      classes: { value: facts.classes.map(c => new THREE.Vector3(...rgb(c.colour).map(x => x / 255))) },
    };
    this.wall = this.addMesh(0); this.layer = this.addMesh(1); this.scar = this.addMesh(0);
    this.scar.material.uniforms.outlined.value = false;  // its own surface is the line
    this.ghost = this.addMesh(2);
    this.cap = this.addMesh(1, new THREE.PlaneGeometry(400, 400), true);
    this.ghost.renderOrder = 2;
    this.outside = Float32Array.from(channels.distance, d => d - 127.5);
    this.wall.geometry = this.geometry(surfaceNets(this.outside, null, shape, this.toPoint));
    this.ghost.geometry = this.wall.geometry;
    this.channelLines = this.addChannels(); this.sliceLines = this.addSlices(); this.balls = this.addMarks();
  }
  addMesh(kind, geometry = new THREE.BufferGeometry(), flat = false) {
    const material = new THREE.ShaderMaterial({
      vertexShader: VERTEX, fragmentShader: FRAGMENT, glslVersion: THREE.GLSL3, side: THREE.DoubleSide,
      uniforms: { ...this.uniforms, kind: { value: kind }, flat_light: { value: flat }, outlined: { value: true } },
      transparent: kind === 2, depthWrite: kind !== 2,
    });
    const mesh = new THREE.Mesh(geometry, material);
    mesh.frustumCulled = false;
    this.scene.add(mesh);
    return mesh;
  }
  geometry({ positions, faces }) {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(positions, 3));
    geometry.setIndex(new THREE.BufferAttribute(faces, 1));
    geometry.computeVertexNormals();
    return geometry;
  }
  addChannels() {
    const group = new THREE.Group();
    for (const line of this.facts.lines) {
      const points = line.points.map(p => new THREE.Vector3(...p));
      const material = new THREE.MeshBasicMaterial({ color: new THREE.Color(line.colour), transparent: true, opacity: line.open ? 1 : 0.55 });
      if (points.length > 1) group.add(new THREE.Mesh(new THREE.TubeGeometry(new THREE.CatmullRomCurve3(points), 64, line.open ? 0.9 : 0.5, 10), material));
      for (const end of [points[0], points[points.length - 1]]) {
        const ball = new THREE.Mesh(new THREE.SphereGeometry(1.7, 20, 14), material);
        ball.position.copy(end); group.add(ball);
      }
    }
    this.scene.add(group);
    return group;
  }
  addSlices() {
    const points = [];
    for (const { corners } of this.facts.slices) corners.forEach((p, k) => points.push(...p, ...corners[(k + 1) % 4]));
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(points), 3));
    const lines = new THREE.LineSegments(geometry, new THREE.LineBasicMaterial({ color: new THREE.Color("#5099b4") }));
    this.scene.add(lines);
    return lines;
  }
  addMarks() {
    const group = new THREE.Group(), material = new THREE.MeshBasicMaterial({ color: new THREE.Color("#ffb000") });
    for (const { point } of this.facts.marks) {
      const ball = new THREE.Mesh(new THREE.SphereGeometry(3.2, 24, 16), material);
      ball.position.set(...point); group.add(ball);
    }
    this.scene.add(group);
    return group;
  }
  // Where a mark stands on the canvas, in shares of its size from the top left, and whether it looks at the camera.
  placeOf(point) {
    const at = new THREE.Vector3(...point), towards = at.x * this.camera.position.x + at.y * this.camera.position.y;
    at.project(this.camera);
    return { left: (at.x + 1) / 2, top: (1 - at.y) / 2, facing: towards > 0 };
  }
  apply(state) {
    const { facts, channels, uniforms } = this, colour = facts.colours.find(c => c.key === state.colour);
    uniforms.threshold.value = state.threshold;
    uniforms.colouring.value = colour.colouring;
    uniforms.values.value = this.textures[colour.channel];
    if (this.ramps[colour.key]) uniforms.ramp.value = this.ramps[colour.key];
    uniforms.line_colour.value.set(...rgb(colour.line || "#1d2733").map(x => x / 255));
    this.wall.visible = state.show === "wall";
    this.layer.visible = state.show === "layer";
    this.scar.visible = state.show === "scar";
    this.ghost.visible = state.show !== "wall";
    if (this.layer.visible && this.built.layer !== state.depth) {
      const field = Float32Array.from(channels.depth, d => d - 255 * state.depth / 100 + 1e-3);
      this.layer.geometry.dispose();
      this.layer.geometry = this.geometry(surfaceNets(field, this.near, facts.shape, this.toPoint));
      this.built.layer = state.depth;
    }
    if (this.scar.visible && this.built.scar !== state.threshold) {
      const field = Float32Array.from(channels.probability, (p, k) => Math.max(255 * state.threshold - p - 1e-3, this.outside[k]));
      this.scar.geometry.dispose();
      this.scar.geometry = this.geometry(surfaceNets(field, null, facts.shape, this.toPoint));
      this.built.scar = state.threshold;
    }
    this.channelLines.visible = state.channels;
    this.channelLines.children.forEach(part => { part.material.depthTest = state.show === "wall"; part.renderOrder = 3; });
    this.sliceLines.visible = state.slices;
    this.cutBy(state);
  }
  cutBy({ cut, angle, height, show }) {
    const plane = this.uniforms.cut, normal = new THREE.Vector3(0, 0, 1);
    if (cut === "none") { plane.value = [0, 0, 0, 1]; this.cap.visible = false; return; }
    let offset;
    if (cut === "along") { const a = angle * Math.PI / 180; normal.set(Math.cos(a), Math.sin(a), 0); offset = 0; }
    else { const [bottom, top] = this.facts.extent; offset = bottom + (top - bottom) * height / 100; }
    plane.value = [normal.x, normal.y, normal.z, offset + 1e-3];
    this.cap.visible = show === "wall";
    this.cap.geometry.dispose();
    this.cap.geometry = new THREE.PlaneGeometry(400, 400);
    const turn = this.cap.clone(); turn.position.set(0, 0, 0); turn.lookAt(normal); turn.updateMatrix();
    this.cap.geometry.applyMatrix4(turn.matrix); this.cap.geometry.translate(normal.x * offset, normal.y * offset, normal.z * offset);
  }
  resize() {
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight, reach = this.facts.radius;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.setSize(width, height, false);
    const across = width >= height ? reach * width / height : reach, up = width >= height ? reach : reach * height / width;
    Object.assign(this.camera, { left: -across, right: across, top: up, bottom: -up });
    this.camera.updateProjectionMatrix();
  }
  render() { this.renderer.render(this.scene, this.camera); }
}
