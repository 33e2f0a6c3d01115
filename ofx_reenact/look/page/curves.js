// Options that change over frames.

import { begin, commit, option, store, tell, valueOf } from "./store.js";

export function keysOf(curve) {
  return Object.keys(curve.frames).map(Number).sort((one, other) => one - other);
}

// The value of a curve at a frame, for the page to show; the engine reads the curve itself.
export function at(curve, frame) {
  const keys = keysOf(curve);
  const after = keys.findIndex((key) => key > frame);
  if (after === 0) return curve.frames[keys[0]];
  if (after < 0) return curve.frames[keys[keys.length - 1]];
  const [one, other] = [keys[after - 1], keys[after]];
  const [from, to] = [curve.frames[one], curve.frames[other]];
  if (curve.interpolation === "constant") return from;
  const way = (frame - one) / (other - one);
  return from + (to - from) * (curve.interpolation === "smooth" ? way * way * (3 - 2 * way) : way);
}

export function shownValue(name) {
  const curve = store.curves[name];
  return curve ? at(curve, store.frame) : valueOf(name);
}

// Set a key at this frame, or delete the one that is there; a curve without keys is none.
export function toggleKey(name) {
  begin();
  const curve = store.curves[name];
  if (!curve) {
    store.curves[name] = { interpolation: "smooth", frames: { [store.frame]: valueOf(name) ?? 0 } };
  } else if (store.frame in curve.frames) {
    const last = curve.frames[store.frame];
    delete curve.frames[store.frame];
    if (!keysOf(curve).length) {
      delete store.curves[name];
      store.values[name] = last;
      if (last === option(name).default) delete store.values[name];
    }
  } else {
    curve.frames[store.frame] = at(curve, store.frame);
  }
  store.curve = store.curves[name] ? name : Object.keys(store.curves)[0] || "";
  commit();
}

export function moveKey(name, from, to, value) {
  begin();
  const frames = store.curves[name].frames;
  if (from !== to && to in frames) to = from;
  delete frames[from];
  frames[to] = value;
  tell("change");
  return to;
}

export function nearKey(step) {
  const keys = Object.values(store.curves).flatMap(keysOf).filter((key) => step * (key - store.frame) > 0);
  return keys.length ? keys.reduce((one, other) => (Math.abs(other - store.frame) < Math.abs(one - store.frame) ? other : one)) : null;
}
