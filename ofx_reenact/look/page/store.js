// What is set: options, curves, what is looked at. Kept in this browser, so that a page that is loaded again has it.

const KEPT = "ofx-reenact look";
const STEPS = 200;

export const store = {
  options: [],
  values: {}, // by option, those that are not the default's
  curves: {}, // by option: {interpolation, frames: {number: value}}
  frame: 1,
  media: null, // what the target's header says
  shot: null, // what the engine says of the shot, once it is open
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

// Kinds: change (options, curves), frame, look (what is shown, and how), shot.
export function on(kinds, listener) {
  for (const kind of kinds.split(" ")) listeners[kind].push(listener);
}

export function tell(kind) {
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

// Begin a change that one undo takes back, however many values it passes on its way, as a slider's does.
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
  tell("change");
}

function go(from, to) {
  if (!from.length) return;
  to.push(snapshot());
  [store.values, store.curves] = JSON.parse(from.pop());
  tell("change");
}

export const undo = () => go(past, future);
export const redo = () => go(future, past);
export const canUndo = () => past.length > 0;
export const canRedo = () => future.length > 0;

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// Set an option; one with a curve is given a key at this frame.
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
  tell("change");
}

export function reset(name) {
  begin();
  delete store.curves[name];
  delete store.values[name];
  commit();
}

function keep() {
  // What was kept is read first.
  if (!store.options.length) return;
  const { values, curves, frame, a, b, side, wipe, proxy, curve, tab } = store;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ values, curves, frame, a, b, side, wipe, proxy, curve, tab }));
  } catch {
    // A browser that keeps nothing still works.
  }
}

// Take what was kept, if it is of the same target and driver or these were not named.
export function restore(start) {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEPT)) || {};
  } catch {
    // As if nothing had been kept.
  }
  const named = Object.entries(start);
  if (kept.values && named.every(([name, value]) => kept.values[name] === value)) Object.assign(store, kept);
  Object.assign(store.values, start);
  const known = new Set(store.options.map((one) => one.name));
  for (const name of Object.keys(store.values)) if (!known.has(name)) delete store.values[name];
  for (const name of Object.keys(store.curves)) if (!known.has(name)) delete store.curves[name];
}
