// The page: opens target and driver, shows the frame of the current settings, and connects keys and buttons.

import { get, post, view } from "./api.js";
import { deleteCurve, nearKey } from "./curves.js";
import { openExport, openRender, progressText } from "./dialogs.js";
import { choose } from "./files.js";
import { build, refresh } from "./panel.js";
import { inputs, isKnown, onPicture, proxyOf, retry, setLongest, settings, timing, want } from "./pictures.js";
import { begin, canRedo, canUndo, commit, notify, on, redo, restore, set, store, undo } from "./store.js";
import { about, drawStrips, frames, goTo } from "./timeline.js";
import { draw, fit, forgetShown, full, longestShown, scale, zoom } from "./viewer.js";

const WHAT = ["result", "plate", "driver", "difference", "matte", "confidence", "parts", "stmap", "shading"];
const SETTLED = 350;
const element = (id) => document.getElementById(id);
const play = { way: 0, timer: 0, ticks: [] };
let opened = "";
let opening = false;
let settling = 0;

// -- opening ---------------------------------------------------------------------------------------------------------

function ready() {
  return Boolean(store.values.target && (store.values.driver || store.values.performance));
}

// Read the target's size, which decides the automatic proxy.
async function probe() {
  const { target } = store.values;
  if (!target || store.media?.name === target) return Boolean(target);
  try {
    const found = await get(`media?name=${encodeURIComponent(target)}`);
    store.media = { name: target, ...found };
  } catch (error) {
    message(error.message, true);
    return false;
  }
  notify("look");
  return true;
}

// Open the shot again if settings or curves have changed; show the progress while the engine tracks.
async function open() {
  const { proxy, ...rest } = settings();
  const wanted = JSON.stringify([rest, store.curves, proxy]);
  if (!(await probe()) || !ready() || opening || wanted === opened) return show();
  opening = true;
  opened = wanted;
  const from = inputs();
  // Show the plate while the driver is tracked.
  if (!store.shot) show();
  const watching = setInterval(watch, 250);
  try {
    const found = await view({ do: "open", settings: settings(), curves: store.curves });
    if (found) take(found, from);
    message("");
  } catch (error) {
    message(error.status === 409 ? "cancelled; R continues" : error.message, true);
    if (error.status === 503 || !error.code) opened = "";
  }
  clearInterval(watching);
  element("progress").hidden = true;
  opening = false;
  await watch();
  const now = JSON.stringify([(({ proxy: _, ...rest }) => rest)(settings()), store.curves, settings().proxy]);
  if (now !== wanted) open();
  else show();
}

function take(found, from) {
  const first = !store.shot;
  store.shot = { ...found, inputs: from };
  if (!found.frames.includes(store.frame)) store.frame = found.frames[0];
  if (first) forgetShown();
  notify("shot");
}

async function watch() {
  let status;
  try {
    status = await get("status");
  } catch (error) {
    return message(error.message, true);
  }
  const { state, job, step } = status.view;
  element("engine").textContent = `engine ${{ none: "not started", lost: "ended" }[state] ?? state}`;
  element("engine").classList.toggle("lost", state === "lost");
  element("progress").hidden = !opening || (Boolean(store.shot) && !step.stage && state !== "starting");
  const bar = element("progress").querySelector("progress");
  bar.value = step.total ? step.done / step.total : 0;
  element("progress").querySelector("output").textContent = state === "starting" ? "starting the engine" : job ? progressText(step) : "";
}

// -- showing ---------------------------------------------------------------------------------------------------------

function sides() {
  if (!store.shot) return ["plate"];
  if (store.side === "wipe") return [store.a, store.b];
  return [store[store.side]];
}

function show() {
  element("hint").textContent = ready() ? "" : "Choose a target: a picture or footage of the person to animate,\nand a driver: the performance to follow.";
  if (store.shot && store.shot.inputs !== inputs()) want([], [], false);
  else if (store.shot || store.media) {
    setLongest(longestShown());
    const next = [];
    const way = play.way || 1;
    for (let step = 1; step <= 8; step += 1) next.push(store.frame + way * step);
    const frame = store.shot ? store.frame : store.media.first;
    want(sides().map((what) => [what, frame]), frames().length ? next.filter((near) => frames().includes(near)) : [], play.way !== 0);
  }
  draw();
  drawStrips();
}

function settle() {
  clearTimeout(settling);
  if (!store.draft) settling = setTimeout(open, SETTLED);
}

onPicture((found, what, frame) => {
  if (found.error) {
    if (found.error.message === "cancelled") return;
    if (frame === store.frame || !found.error.code) message(found.error.message, true);
    watch();
  } else if (frame === store.frame) {
    if (element("message").classList.contains("bad")) message("");
    if (what === store.a) info(found);
  }
  draw();
  drawStrips();
});

function info(found) {
  const row = frames().indexOf(store.frame);
  if (found.confidence !== undefined && row >= 0) store.shot.confidence[row] = found.confidence;
  refreshFrame();
  if (found.ms) {
    const { fit: fits, render, show: shows } = found.ms;
    element("timing").textContent = `${Math.round(fits + render + shows)} ms a frame, ${Math.round(timing.trip)} ms to the screen`;
  }
}

function message(text, bad = false) {
  const output = element("message");
  output.textContent = text;
  output.title = text;
  output.classList.toggle("bad", bad);
}

// -- settings --------------------------------------------------------------------------------------------------------

function base(name) {
  return name ? name.slice(name.lastIndexOf("/") + 1) : "";
}

function refreshHead() {
  for (const name of ["target", "driver"]) {
    element(name).textContent = base(store.values[name]);
    element(name).title = store.values[name] || `Choose the ${name}`;
    element(name).dataset.empty = "choose…";
  }
  element("undo").disabled = !canUndo();
  element("redo").disabled = !canRedo();
  for (const id of ["export", "render"]) element(id).disabled = !ready();
  const names = Object.keys(store.curves);
  if (!names.includes(store.curve)) store.curve = names[0] ?? "";
  element("curvebar").hidden = !names.length;
  element("curve").replaceChildren(...names.map((name) => new Option(name.replaceAll("_", " "), name)));
  element("curve").value = store.curve;
  element("interpolation").value = store.curves[store.curve]?.interpolation ?? "smooth";
}

function refreshFrame() {
  const input = element("frame");
  if (document.activeElement !== input) input.value = store.frame;
  const row = frames().indexOf(store.frame);
  element("frameinfo").textContent = row < 0 ? "" : about(row).replace(/^\S+ /, "");
}

function refreshShot() {
  const { shot } = store;
  if (!shot) return;
  const all = shot.frames;
  element("range").textContent = `${all[0]}–${all[all.length - 1]}`;
  element("rate").textContent = shot.fps ? `${Math.round(shot.fps * 1000) / 1000} fps` : "24 fps";
  element("size").textContent = `${shot.size[0]}×${shot.size[1]}`;
  element("notes").hidden = !shot.notes.length;
  element("notes").textContent = `${shot.notes.length} note${shot.notes.length === 1 ? "" : "s"}`;
}

function refreshLook() {
  element("a").value = store.a;
  element("b").value = store.b;
  element("proxy").value = store.proxy;
  for (const button of element("side").children) button.classList.toggle("on", button.dataset.side === store.side);
  element("zoom").textContent = `${Math.round(scale() * devicePixelRatio * 100)} %`;
  if (element("proxy").options.length) element("proxy").options[0].textContent = `auto (${proxyOf()})`;
}

on("change", () => {
  refreshHead();
  refresh();
  show();
  settle();
});
on("frame", () => {
  refreshFrame();
  refresh();
  show();
});
on("look", () => {
  refreshLook();
  refresh();
  show();
});
on("shot", () => {
  refreshShot();
  refreshFrame();
  refreshLook();
  refresh();
  show();
});

async function source(name) {
  const chosen = await choose(name, store.values[name] ?? "");
  if (!chosen) return;
  store.shot = null;
  opened = "";
  forgetShown();
  set(name, chosen);
  open();
}

// -- playing ---------------------------------------------------------------------------------------------------------

function start(way) {
  stop();
  if (!frames().length) return;
  play.way = way;
  play.ticks = [];
  play.timer = setInterval(tick, 1000 / (store.shot.fps ?? 24));
  element("forwards").textContent = "■";
}

function stop() {
  clearInterval(play.timer);
  play.way = 0;
  element("forwards").textContent = "▶";
  refreshShot();
}

function tick() {
  // Playing skips no frame: it waits for one that is not rendered yet.
  if (!sides().every((what) => isKnown(what, store.frame))) return;
  const all = frames();
  const row = all.indexOf(store.frame) + play.way;
  play.ticks.push(performance.now());
  if (play.ticks.length > 24) play.ticks.shift();
  const spent = play.ticks[play.ticks.length - 1] - play.ticks[0];
  if (spent) element("rate").textContent = `${((play.ticks.length - 1) * 1000 / spent).toFixed(1)} fps`;
  goTo(all[(row + all.length) % all.length]);
}

const toggle = () => (play.way ? stop() : start(1));
const stepBy = (way) => {
  stop();
  goTo(store.frame + way);
};

function side(name) {
  store.side = name;
  notify("look");
}

// -- keys and buttons ------------------------------------------------------------------------------------------------

const KEYS = {
  " ": toggle, k: stop, l: () => start(1), j: () => start(-1),
  ArrowLeft: () => stepBy(-1), ArrowRight: () => stepBy(1),
  Home: () => goTo(frames()[0]), End: () => goTo(frames()[frames().length - 1]),
  a: () => side("a"), b: () => side("b"), w: () => side("wipe"), f: fit, 1: full,
  "+": () => zoom(1.25), "-": () => zoom(0.8), g: () => element("frame").select(),
  ",": () => jump(-1), ".": () => jump(1), r: again, "?": () => element("keys").showModal(),
};
const HELD = { z: undo, y: redo, e: openExport, o: () => source("target"), Enter: openRender };
const SHIFTED = { z: redo, o: () => source("driver") };

// Repeat what failed or was cancelled.
function again() {
  opened = "";
  message("");
  retry();
  open();
}

function jump(way) {
  const key = nearKey(way);
  if (key !== null) goTo(key);
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const field = event.target.closest("input, textarea, select");
  const held = event.ctrlKey || event.metaKey;
  if (event.altKey || (field && !held && !(field.type === "range" && !key.startsWith("Arrow")))) return;
  const found = held ? (event.shiftKey ? SHIFTED[key] : HELD[key]) : KEYS[key];
  if (!found) return;
  event.preventDefault();
  found();
});

const CLICKS = {
  target: () => source("target"), driver: () => source("driver"), undo, redo, export: openExport, render: openRender,
  fit, full, first: KEYS.Home, last: KEYS.End, previous: KEYS.ArrowLeft, next: KEYS.ArrowRight,
  backwards: KEYS.j, forwards: toggle, previouskey: KEYS[","], nextkey: KEYS["."],
  help: KEYS["?"],
  cancel: () => post("cancel", { what: "view" }),
  notes: () => {
    element("noted").querySelector("ul").replaceChildren(...store.shot.notes.map((note) => {
      const line = document.createElement("li");
      line.textContent = note;
      return line;
    }));
    element("noted").showModal();
  },
  uncurve: () => deleteCurve(store.curve),
};
for (const [id, act] of Object.entries(CLICKS)) {
  element(id).addEventListener("click", () => {
    act();
    element(id).blur();
  });
}
for (const button of element("side").children) button.addEventListener("click", () => side(button.dataset.side));
for (const name of ["a", "b", "proxy"]) {
  element(name).addEventListener("change", () => {
    store[name] = element(name).value;
    element(name).blur();
    notify("look");
    if (name === "proxy") settle();
  });
}
element("curve").addEventListener("change", () => {
  store.curve = element("curve").value;
  notify("look");
  refreshHead();
});
element("interpolation").addEventListener("change", () => {
  begin();
  store.curves[store.curve].interpolation = element("interpolation").value;
  commit();
});
element("frame").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && /^-?\d+$/.test(element("frame").value.trim())) goTo(Number(element("frame").value));
  if (event.key === "Enter" || event.key === "Escape") element("frame").blur();
});
element("frame").addEventListener("blur", refreshFrame);

// -- start -----------------------------------------------------------------------------------------------------------

async function startPage() {
  const about = await get("about");
  store.options = about.options;
  restore(about.start);
  for (const id of ["a", "b"]) element(id).replaceChildren(...WHAT.map((name) => new Option(name)));
  const proxies = store.options.find((one) => one.name === "proxy")?.choices ?? [];
  element("proxy").replaceChildren(new Option("auto", "auto"), ...(proxies.length ? proxies : [1]).map((one) => new Option(one)));
  build();
  refreshHead();
  refreshLook();
  refresh();
  show();
  await watch();
  open();
}

startPage().catch((error) => message(error.message, true));
