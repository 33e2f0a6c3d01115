// Pictures of frames: requested one at a time, first those on screen, then their neighbours; cached by settings.

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

// A short name for settings: equal settings have equal names.
function named(content) {
  const text = JSON.stringify(content);
  if (!names.has(text)) names.set(text, names.size);
  return names.get(text);
}

function sorted(values) {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}

const TIMES = ["driver_start", "driver_speed"];

// The options that affect how plate and driver themselves look.
function ofInputs(values) {
  const inputs = store.options.filter((one) => one.affects.some((what) => what === "track" || what === "person"));
  const known = new Set([...inputs.map((one) => one.name), ...TIMES]);
  return Object.fromEntries(Object.entries(values).filter(([name]) => known.has(name)));
}

// A key of what is tracked. While it differs from the open shot's, no picture of that shot is requested.
export function inputs() {
  return JSON.stringify(ofInputs(settings()));
}

// The settings of requests: with the page's own proxy, not the render's.
export function settings() {
  const values = { ...store.values };
  const proxy = proxyOf();
  if (store.options.some((one) => one.name === "proxy")) values.proxy = proxy;
  return sorted(values);
}

// The proxy: so many pixels of the plate, across and down, are one pixel of the shown frame.
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

// Request what is on screen, [[what, frame], …], and then the frames that may be next: at once while playing, else after
// a pause.
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
  markWaiting();
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
    markWaiting();
    for (const listener of listeners) listener(found, what, frame);
    // After the engine has died, stop: only a new request starts another one, not the one that it may have died of.
    if (found.error && !found.error.code) break;
  }
  asking = false;
  markWaiting();
}

// For tests: whether the pictures on screen are those of the current settings.
function markWaiting() {
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

// Request again what failed.
export function retry() {
  for (const [key, found] of cache) if (found.error) forget(key, found);
  work();
}

export function isKnown(what, frame) {
  return cache.has(keyOf(what, frame));
}
