"use strict";
const VERTEX = `
out vec3 place; out vec3 facing;
void main() {
  place = position; facing = normalize(normalMatrix * normal);
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;
// kind: 0 surface, 1 layer or cut face (nothing outside the wall), 2 ghost; colouring: 0 ramp, 1 certainty, 2 zones of signal
const FRAGMENT = `
precision highp sampler3D;
in vec3 place; in vec3 facing;
out vec4 colour;
uniform sampler3D distances, probabilities, values;
uniform sampler2D ramp;
uniform vec3 low, shape; uniform float voxel;
uniform int kind, colouring; uniform bool flat_light, outlined;
uniform float threshold; uniform vec2 doubt; uniform vec4 cut;
uniform vec3 line_colour; uniform vec3 classes[4];
void main() {
  if (dot(place, cut.xyz) > cut.w) discard;
  vec3 at = ((place - low) / voxel + 0.5) / shape;
  if (kind == 1 && texture(distances, at).r > 0.5) discard;
  vec3 normal = normalize(facing);
  if (kind == 2) { float rim = 1.0 - abs(normal.z); colour = vec4(0.45, 0.52, 0.6, 0.05 + 0.4 * rim * rim); return; }
  float p = texture(probabilities, at).r, value = texture(values, at).r;
  vec3 base;
  if (colouring == 0) base = texture(ramp, vec2(value * 255.0 / 256.0 + 0.5 / 256.0, 0.5)).rgb;
  else if (colouring == 1) base = p >= max(doubt.y, threshold) ? classes[3] : p >= threshold ? classes[2] : p >= doubt.x ? classes[1] : classes[0];
  else base = p >= threshold ? classes[3] : value >= 0.5 ? classes[1] : classes[0];
  float width = max(fwidth(p), 1e-4), line = 1.0 - smoothstep(0.9, 1.9, abs(p - threshold) / width);
  if (colouring == 0 && outlined) base = mix(base, line_colour, line * smoothstep(0.0, 0.02, width));
  if (flat_light) base = mix(base, vec3(0.42, 0.47, 0.53), 0.7 * smoothstep(0.43, 0.49, texture(distances, at).r));
  float light = flat_light ? 1.0 : 0.46 + 0.56 * abs(normal.z);
  colour = vec4(base * light, 1.0);
}`;
