// The strip under the picture: ruler, confidence of each frame, where its parts come from, and a curve with its keys.

import { at, keysOf, moveKey } from "./curves.js";
import { isKnown } from "./pictures.js";
import { begin, commit, notify, option, store } from "./store.js";

const RULER = 16;
const CONFIDENCE = { top: 18, height: 26 };
const PARTS = { top: 46, height: 5 };
const CURVE = { top: 55, height: 63 };
const SIDE = 8;
const NEAR = 6;
const STATES = { tracked: "#6a6a6a", bridged: "#c08a3a", held: "#c0604f" };
const canvas = document.getElementById("strips");
const context = canvas.getContext("2d", { alpha: false });
let queued = false;

export function frames() {
  return store.shot?.frames ?? [];
}

function span() {
  const all = frames();
  return all.length ? [all[0], all[all.length - 1]] : [1, 1];
}

const step = () => (canvas.clientWidth - 2 * SIDE) / (span()[1] - span()[0] + 1);
const left = (frame) => SIDE + (frame - span()[0]) * step();
const middle = (frame) => left(frame) + step() / 2;
const frameAt = (x) => Math.floor((x - SIDE) / step()) + span()[0];

export function goTo(frame) {
  const [first, last] = span();
  const wanted = Math.min(Math.max(frame, first), last);
  if (wanted === store.frame) return;
  store.frame = wanted;
  notify("frame");
}

export function drawStrips() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    paint();
  });
}

function paint() {
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#161616";
  context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  if (!frames().length) return;
  paintRuler();
  paintConfidence();
  paintCurve();
  const x = Math.round(middle(store.frame));
  context.fillStyle = "#e0a04030";
  context.fillRect(left(store.frame), 0, Math.max(step(), 1), canvas.clientHeight);
  context.fillStyle = "#e0a040";
  context.fillRect(x, 0, 1, canvas.clientHeight);
}

function paintRuler() {
  const [first, last] = span();
  const every = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000].find((count) => count * step() >= 44) ?? 10000;
  const small = every % 5 === 0 ? every / 5 : 1;
  context.font = "10px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let frame = Math.ceil(first / small) * small; frame <= last; frame += small) {
    const x = Math.round(middle(frame));
    const large = frame % every === 0;
    context.fillStyle = large ? "#7a7a7a" : "#3c3c3c";
    context.fillRect(x, large ? 11 : 13, 1, RULER - (large ? 11 : 13));
    context.fillStyle = "#9a9a9a";
    const half = context.measureText(frame).width / 2;
    if (large) context.fillText(frame, Math.min(Math.max(x, half + 2), canvas.clientWidth - half - 2), 1);
  }
}

function paintConfidence() {
  const { shot } = store;
  context.fillStyle = "#1e1e1e";
  context.fillRect(SIDE, CONFIDENCE.top, canvas.clientWidth - 2 * SIDE, CONFIDENCE.height);
  const wide = Math.max(step() - (step() > 4 ? 1 : 0), 0.6);
  shot.frames.forEach((frame, row) => {
    const high = Math.max(CONFIDENCE.height * shot.confidence[row], 1);
    context.fillStyle = STATES[shot.state[row]];
    context.fillRect(left(frame), CONFIDENCE.top + CONFIDENCE.height - high, wide, high);
    if (shot.state[row] !== "tracked") context.fillRect(left(frame), CONFIDENCE.top, wide, 2);
    context.fillStyle = shot.parts[frame] ? "#7f9fb0" : "#232323";
    context.fillRect(left(frame), PARTS.top, wide, PARTS.height);
    if (isKnown(store.a, frame)) {
      context.fillStyle = "#4f4f4f";
      context.fillRect(left(frame), RULER, step(), 1);
    }
  });
}

function limits(name) {
  const { low, high } = option(name);
  const values = Object.values(store.curves[name].frames);
  return [low ?? Math.min(0, ...values), high ?? Math.max(1, ...values)];
}

const heightOf = (value, [low, high]) => CURVE.top + CURVE.height - 5 - ((value - low) / (high - low || 1)) * (CURVE.height - 10);

function paintCurve() {
  context.fillStyle = "#1a1a1a";
  context.fillRect(SIDE, CURVE.top, canvas.clientWidth - 2 * SIDE, CURVE.height);
  for (const name of Object.keys(store.curves)) if (name !== store.curve) paintLine(name, "#4a4a4a");
  if (!store.curves[store.curve]) {
    context.fillStyle = "#5c5c5c";
    context.textAlign = "left";
    if (store.options.some((one) => one.animatable)) context.fillText("◇ beside a slider sets a key", SIDE + 6, CURVE.top + 26);
    return;
  }
  const range = limits(store.curve);
  paintLine(store.curve, "#c8c8c8");
  context.textAlign = "left";
  for (const [row, value] of [range[1], range[0]].entries()) {
    const y = row ? CURVE.top + CURVE.height - 11 : CURVE.top + 1;
    context.fillStyle = "#1a1a1a";
    context.fillRect(SIDE, y - 1, context.measureText(value).width + 6, 11);
    context.fillStyle = "#7a7a7a";
    context.fillText(value, SIDE + 3, y);
  }
  for (const key of keysOf(store.curves[store.curve])) {
    const [x, y] = [middle(key), heightOf(store.curves[store.curve].frames[key], range)];
    context.fillStyle = key === store.frame ? "#ffc060" : "#e0a040";
    context.fillRect(Math.round(x) - 3, Math.round(y) - 3, 7, 7);
  }
}

function paintLine(name, colour) {
  const range = limits(name);
  const [first, last] = span();
  context.strokeStyle = colour;
  context.beginPath();
  for (let x = middle(first); x <= middle(last); x += 1) {
    context.lineTo(x, heightOf(at(store.curves[name], (x - SIDE) / step() + first - 0.5), range));
  }
  context.stroke();
}

function keyAt(event) {
  const curve = store.curves[store.curve];
  if (!curve || event.offsetY < CURVE.top) return null;
  const range = limits(store.curve);
  const near = keysOf(curve).filter((key) =>
    Math.abs(middle(key) - event.offsetX) <= NEAR && Math.abs(heightOf(curve.frames[key], range) - event.offsetY) <= NEAR);
  return near.length ? near[0] : null;
}

canvas.addEventListener("pointerdown", (event) => {
  if (!frames().length) return;
  canvas.setPointerCapture(event.pointerId);
  let key = keyAt(event);
  const range = key === null ? null : limits(store.curve);
  if (key !== null) begin();
  const move = (moved) => {
    if (key === null) return goTo(frameAt(moved.offsetX));
    const [low, high] = range;
    const way = (CURVE.top + CURVE.height - 5 - moved.offsetY) / (CURVE.height - 10);
    const value = Math.min(Math.max(low + way * (high - low), low), high);
    const [first, last] = span();
    const frame = Math.min(Math.max(frameAt(moved.offsetX), first), last);
    key = moveKey(store.curve, key, frame, Math.round(value * 1000) / 1000);
  };
  if (key === null) move(event);
  else goTo(key);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", () => {
    canvas.removeEventListener("pointermove", move);
    if (key !== null) commit();
  }, { once: true });
});
canvas.addEventListener("pointermove", (event) => {
  if (event.buttons || !frames().length) return;
  canvas.style.cursor = keyAt(event) === null ? "default" : "move";
  const frame = frameAt(event.offsetX);
  const row = store.shot.frames.indexOf(frame);
  canvas.title = row < 0 ? "" : about(row);
});

export function about(row) {
  const { shot } = store;
  const frame = shot.frames[row];
  const parts = shot.parts[frame] ? `, ${shot.parts[frame]}` : "";
  return `${frame}: ${shot.state[row]}, confidence ${shot.confidence[row].toFixed(2)}${parts}`;
}

new ResizeObserver(drawStrips).observe(canvas);
