// The state of the page: options, curves, what is shown; with undo. Stored in the browser, so that it survives a reload.

const KEPT = "ofx-reenact look";
const STEPS = 200;

export const store = {
  options: [],
  values: {}, // by option, without those that have their default
  curves: {}, // by option: {interpolation, frames: {number: value}}
  frame: 1,
  media: null, // size and frames from the target's header
  shot: null, // the engine's description of the shot, once it is open
  a: "result",
  b: "plate",
  side: "a",
  wipe: 0.5,
  proxy: "auto",
  curve: "",
  tab: "Motion",
  draft: false, // whether a slider is being dragged
};

const listeners = { change: [], frame: [], look: [], shot: [] };
const past = [];
const future = [];
let held = "";

// Call a listener after a change of one of these kinds: change (options, curves), frame, look (what is shown and how), shot.
export function on(kinds, listener) {
  for (const kind of kinds.split(" ")) listeners[kind].push(listener);
}

export function notify(kind) {
  for (const listener of listeners[kind]) listener();
  keep();
}

export function option(name) {
  return store.options.find((one) => one.name === name);
}

export function valueOf(name) {
  return name in store.values ? store.values[name] : option(name)?.default;
}

function snapshot() {
  return JSON.stringify([store.values, store.curves]);
}

// Begin a change that one undo reverts, although a slider sets many values during it.
export function begin() {
  if (!held) held = snapshot();
}

export function commit() {
  if (held && held !== snapshot()) {
    past.push(held);
    if (past.length > STEPS) past.shift();
    future.length = 0;
  }
  held = "";
  store.draft = false;
  notify("change");
}

function go(from, to) {
  if (!from.length) return;
  to.push(snapshot());
  [store.values, store.curves] = JSON.parse(from.pop());
  notify("change");
}

export const undo = () => go(past, future);
export const redo = () => go(future, past);
export const canUndo = () => past.length > 0;
export const canRedo = () => future.length > 0;

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// Set an option; if it has a curve, set a key at the current frame.
export function set(name, value, done = true) {
  begin();
  const curve = store.curves[name];
  if (curve && typeof value === "number") {
    curve.frames[store.frame] = value;
  } else if (same(value, option(name).default)) {
    delete store.values[name];
  } else {
    store.values[name] = value;
  }
  if (done) return commit();
  store.draft = true;
  notify("change");
}

export function reset(name) {
  begin();
  delete store.curves[name];
  delete store.values[name];
  commit();
}

function keep() {
  // Store nothing before the stored state was read.
  if (!store.options.length) return;
  const { values, curves, frame, a, b, side, wipe, proxy, curve, tab } = store;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ values, curves, frame, a, b, side, wipe, proxy, curve, tab }));
  } catch {
    // The page also works if the browser stores nothing.
  }
}

// Restore the stored state, unless the page was started with another target or driver.
export function restore(start) {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEPT)) || {};
  } catch {
    // Unreadable: start without it.
  }
  const named = Object.entries(start);
  if (kept.values && named.every(([name, value]) => kept.values[name] === value)) Object.assign(store, kept);
  Object.assign(store.values, start);
  const known = new Set(store.options.map((one) => one.name));
  for (const name of Object.keys(store.values)) if (!known.has(name)) delete store.values[name];
  for (const name of Object.keys(store.curves)) if (!known.has(name)) delete store.curves[name];
}
