// Pictures of frames: asked for one at a time, what is on screen first, then its neighbours; the last ones are kept.

import { view } from "./api.js";
import { store } from "./store.js";

const MOST = 400 * 1024 * 1024;
const AHEAD = 12;
const IDLE = 700;
const SIZES = [512, 768, 960, 1280, 1920, 2560, 3840];
const names = new Map();
const cache = new Map();
const listeners = [];
let bytes = 0;
let asking = false;
let shown = [];
let ahead = [];
let longest = 960;
let idle = 0;

export const timing = { trip: 0, ms: null };

export function onPicture(listener) {
  listeners.push(listener);
}

// A short name for settings; the same for the same settings.
function named(content) {
  const text = JSON.stringify(content);
  if (!names.has(text)) names.set(text, names.size);
  return names.get(text);
}

function sorted(values) {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}

const TIMES = ["driver_start", "driver_speed"];

// Options that a plate or driver, shown as it is, depends on.
function ofInputs(values) {
  const inputs = store.options.filter((one) => one.affects.some((what) => what === "track" || what === "person"));
  const known = new Set([...inputs.map((one) => one.name), ...TIMES]);
  return Object.fromEntries(Object.entries(values).filter(([name]) => known.has(name)));
}

// What a shot is tracked from; while it is another than the one that is open, nothing is asked of it.
export function inputs() {
  return JSON.stringify(ofInputs(settings()));
}

// What the engine is asked with: the page's own proxy in place of a render's.
export function settings() {
  const values = { ...store.values };
  const proxy = proxyOf();
  if (store.options.some((one) => one.name === "proxy")) values.proxy = proxy;
  return sorted(values);
}

// How many pixels of the plate become one of the picture that is looked at.
export function proxyOf() {
  const option = store.options.find((one) => one.name === "proxy");
  if (!option) return 1;
  if (store.proxy !== "auto") return Number(store.proxy);
  const size = Math.max(...(store.media?.size ?? [0]));
  return size > 2400 ? 4 : size > 1200 ? 2 : 1;
}

export function setLongest(wanted) {
  longest = SIZES.find((size) => size >= wanted) ?? SIZES[SIZES.length - 1];
}

function keyOf(what, frame) {
  const inputs = what === "plate" || what === "driver";
  const values = inputs ? ofInputs(settings()) : [settings(), store.curves];
  return `${named(values)} ${what} ${frame} ${longest}${store.draft && !inputs ? " draft" : ""}`;
}

export function find(what, frame) {
  const key = keyOf(what, frame);
  const found = cache.get(key);
  if (found) {
    cache.delete(key);
    cache.set(key, found);
  }
  return found;
}

// Say what is on screen, [[what, frame], …], and which frames may be next: at once where they play, else once nothing
// has been asked for a while.
export function want(pairs, next, plays) {
  shown = pairs;
  ahead = plays ? next.slice(0, AHEAD) : [];
  clearTimeout(idle);
  if (!plays && !store.draft) {
    idle = setTimeout(() => {
      ahead = next.slice(0, AHEAD);
      work();
    }, IDLE);
  }
  work();
}

function missing() {
  for (const [what, frame] of shown) if (!cache.has(keyOf(what, frame))) return [what, frame];
  for (const frame of ahead) {
    for (const [what] of shown) if (!cache.has(keyOf(what, frame))) return [what, frame];
  }
  return null;
}

async function work() {
  if (asking) return;
  asking = true;
  waits();
  let next;
  while ((next = missing())) {
    const [what, frame] = next;
    const key = keyOf(what, frame);
    const started = performance.now();
    let found;
    try {
      const { draft } = store;
      found = await view({ do: "show", what, frame, longest, draft, settings: settings(), curves: store.curves });
      if (!found) continue;
      found.image = await createImageBitmap(found.blob);
      if (found.ms) Object.assign(timing, { trip: performance.now() - started, ms: found.ms });
    } catch (error) {
      found = { error };
    }
    put(key, found);
    waits();
    for (const listener of listeners) listener(found, what, frame);
    // An engine that has ended is started again by the next thing that is asked for, not by what it died of.
    if (found.error && !found.error.code) break;
  }
  asking = false;
  waits();
}

// For who looks from outside: whether what is on screen is what is set.
function waits() {
  document.body.dataset.waits = shown.some(([what, frame]) => !cache.has(keyOf(what, frame))) ? "1" : "0";
}

function put(key, found) {
  cache.set(key, found);
  bytes += sizeOf(found);
  for (const [oldest, one] of cache) {
    if (bytes <= MOST || oldest === key) break;
    forget(oldest, one);
  }
}

const sizeOf = (found) => (found.image ? found.image.width * found.image.height * 4 : 0);

function forget(key, found) {
  cache.delete(key);
  bytes -= sizeOf(found);
  found.image?.close();
}

// What failed is asked for again.
export function retry() {
  for (const [key, found] of cache) if (found.error) forget(key, found);
  work();
}

export function isKnown(what, frame) {
  return cache.has(keyOf(what, frame));
}
