// Curves: options whose values change over frames.

import { begin, commit, notify, option, store, valueOf } from "./store.js";

export function keysOf(curve) {
  return Object.keys(curve.frames).map(Number).sort((one, other) => one - other);
}

// The value of a curve at a frame, for display; the engine evaluates curves itself.
export function at(curve, frame) {
  const keys = keysOf(curve);
  const after = keys.findIndex((key) => key > frame);
  if (after === 0) return curve.frames[keys[0]];
  if (after < 0) return curve.frames[keys[keys.length - 1]];
  const [one, other] = [keys[after - 1], keys[after]];
  const [from, to] = [curve.frames[one], curve.frames[other]];
  if (curve.interpolation === "constant") return from;
  const way = (frame - one) / (other - one);
  if (curve.interpolation === "linear") return from + (to - from) * way;
  const [start, end] = [slope(curve, keys, after - 1), slope(curve, keys, after)].map((steep) => steep * (other - one));
  const [square, cube] = [way ** 2, way ** 3];
  return (2 * cube - 3 * square + 1) * from + (cube - 2 * square + way) * start + (3 * square - 2 * cube) * to + (cube - square) * end;
}

// The slope of a smooth curve at a key (PCHIP): 0 at turning points, so that the curve never overshoots its keys.
function slope({ frames }, keys, key) {
  const wide = (row) => keys[row + 1] - keys[row];
  const rise = (row) => (frames[keys[row + 1]] - frames[keys[row]]) / wide(row);
  if (keys.length === 2) return rise(0);
  if (key === 0) return endSlope(wide(0), wide(1), rise(0), rise(1));
  const last = keys.length - 1;
  if (key === last) return endSlope(wide(last - 1), wide(last - 2), rise(last - 1), rise(last - 2));
  const [before, after] = [rise(key - 1), rise(key)];
  if (before * after <= 0) return 0;
  const [one, other] = [2 * wide(key) + wide(key - 1), wide(key) + 2 * wide(key - 1)];
  return (one + other) / (one / before + other / after);
}

function endSlope(wide, next, rise, after) {
  const found = ((2 * wide + next) * rise - wide * after) / (wide + next);
  if (Math.sign(found) !== Math.sign(rise)) return 0;
  return Math.sign(rise) !== Math.sign(after) && Math.abs(found) > 3 * Math.abs(rise) ? 3 * rise : found;
}

export function shownValue(name) {
  const curve = store.curves[name];
  return curve ? at(curve, store.frame) : valueOf(name);
}

// Set a key at the current frame, or delete the existing one; the last key's deletion deletes the curve.
export function toggleKey(name) {
  begin();
  const curve = store.curves[name];
  if (!curve) {
    store.curves[name] = { interpolation: "smooth", frames: { [store.frame]: valueOf(name) ?? 0 } };
    delete store.values[name];
  } else if (store.frame in curve.frames) {
    const last = curve.frames[store.frame];
    delete curve.frames[store.frame];
    if (!keysOf(curve).length) level(name, last);
  } else {
    curve.frames[store.frame] = at(curve, store.frame);
  }
  store.curve = store.curves[name] ? name : Object.keys(store.curves)[0] || "";
  commit();
}

// Replace a curve by one value.
function level(name, value) {
  delete store.curves[name];
  if (value !== option(name).default) store.values[name] = value;
}

// Replace a curve by its value at the current frame.
export function deleteCurve(name) {
  begin();
  level(name, Math.round(at(store.curves[name], store.frame) * 1000) / 1000);
  commit();
}

export function moveKey(name, from, to, value) {
  begin();
  const frames = store.curves[name].frames;
  if (from !== to && to in frames) to = from;
  delete frames[from];
  frames[to] = value;
  notify("change");
  return to;
}

export function nearKey(step) {
  const keys = Object.values(store.curves).flatMap(keysOf).filter((key) => step * (key - store.frame) > 0);
  return keys.length ? keys.reduce((one, other) => (Math.abs(other - store.frame) < Math.abs(one - store.frame) ? other : one)) : null;
}
