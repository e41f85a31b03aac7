"use strict";
// The volume that travels in the page: deflated bytes, channel after channel, x fastest.
async function readVolume(facts, text) {
  const packed = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = facts.shape.reduce((a, b) => a * b), channels = {};
  facts.channels.forEach((name, k) => { channels[name] = bytes.subarray(k * size, (k + 1) * size); });
  return channels;
}
function volumeTexture(bytes, [nx, ny, nz]) {
  const texture = new THREE.Data3DTexture(bytes, nx, ny, nz);
  texture.format = THREE.RedFormat; texture.type = THREE.UnsignedByteType;
  texture.minFilter = texture.magFilter = THREE.LinearFilter; texture.unpackAlignment = 1; texture.needsUpdate = true;
  return texture;
}
function rgb(hex) { return [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16)); }
function rampTexture(stops) {
  const data = new Uint8Array(256 * 4), last = stops.length - 1, colours = stops.map(rgb);
  for (let k = 0; k < 256; k++) {
    const x = k / 255 * last, a = Math.min(Math.floor(x), last - 1);
    for (let c = 0; c < 3; c++) data[4 * k + c] = colours[a][c] + (x - a) * (colours[a + 1][c] - colours[a][c]);
    data[4 * k + 3] = 255;
  }
  const texture = new THREE.DataTexture(data, 256, 1, THREE.RGBAFormat);
  texture.minFilter = texture.magFilter = THREE.LinearFilter; texture.needsUpdate = true;
  return texture;
}
