"use strict";
// Surface nets (Gibson 1998): one vertex in each cell that the surface crosses, at the mean of the crossings of its edges.
// field: below 0 inside, x fastest; usable: cells with a corner that is not are left out.
function surfaceNets(field, usable, [nx, ny, nz], toPoint) {
  const stride = [1, nx, nx * ny], number = new Int32Array(nx * ny * nz).fill(-1), positions = [], faces = [];
  const corners = [];
  for (let k = 0; k < 8; k++) corners.push((k & 1) * stride[0] + (k >> 1 & 1) * stride[1] + (k >> 2) * stride[2]);
  const edges = [];
  for (let a = 0; a < 8; a++) for (let d = 0; d < 3; d++) if (!(a >> d & 1)) edges.push([a, a | 1 << d]);
  for (let z = 0; z < nz - 1; z++) for (let y = 0; y < ny - 1; y++) for (let x = 0; x < nx - 1; x++) {
    const cell = x + nx * (y + ny * z);
    let inside = 0, whole = true;
    for (let k = 0; k < 8; k++) {
      const corner = cell + corners[k];
      if (usable && !usable[corner]) { whole = false; break; }
      if (field[corner] < 0) inside |= 1 << k;
    }
    if (!whole || inside === 0 || inside === 255) continue;
    let sx = 0, sy = 0, sz = 0, count = 0;
    for (const [a, b] of edges) {
      if ((inside >> a & 1) === (inside >> b & 1)) continue;
      const from = field[cell + corners[a]], to = field[cell + corners[b]], part = from / (from - to);
      sx += (a & 1) + part * ((b & 1) - (a & 1));
      sy += (a >> 1 & 1) + part * ((b >> 1 & 1) - (a >> 1 & 1));
      sz += (a >> 2) + part * ((b >> 2) - (a >> 2));
      count++;
    }
    number[cell] = positions.length / 3;
    positions.push(...toPoint(x + sx / count, y + sy / count, z + sz / count));
  }
  for (let z = 1; z < nz - 1; z++) for (let y = 1; y < ny - 1; y++) for (let x = 1; x < nx - 1; x++) {
    const cell = x + nx * (y + ny * z);
    for (let d = 0; d < 3; d++) {
      const next = cell + stride[d];
      if ((field[cell] < 0) === (field[next] < 0)) continue;
      const u = stride[(d + 1) % 3], v = stride[(d + 2) % 3];
      const [a, b, c, e] = [number[cell], number[cell - u], number[cell - u - v], number[cell - v]];
      if (a < 0 || b < 0 || c < 0 || e < 0) continue;
      if (field[cell] < 0) faces.push(a, b, c, a, c, e);
      else faces.push(a, c, b, a, e, c);
    }
  }
  return { positions: new Float32Array(positions), faces: new Uint32Array(faces) };
}
