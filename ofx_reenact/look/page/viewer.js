// The viewer: shows A, B or a wipe between them; zoom and pan.

import { find } from "./pictures.js";
import { notify, store } from "./store.js";

const NEAR = 8;
const canvas = document.getElementById("picture");
const box = document.getElementById("view");
const context = canvas.getContext("2d", { alpha: false });
const at = { scale: 0, x: 0, y: 0 }; // scale 0: fit
const last = { a: null, b: null }; // the picture last shown on each side, until the new one arrives
let queued = false;

export function sizeOfShot() {
  return store.shot?.size ?? store.media?.size ?? [1, 1];
}

// The zoom: CSS pixels for one pixel of the plate.
export function scale() {
  if (at.scale) return at.scale;
  const [width, height] = sizeOfShot();
  return Math.min(box.clientWidth / width, box.clientHeight / height);
}

function origin() {
  const [width, height] = sizeOfShot();
  const free = [box.clientWidth - width * scale(), box.clientHeight - height * scale()];
  return [Math.round(free[0] / 2 + at.x), Math.round(free[1] / 2 + at.y)];
}

export function fit() {
  Object.assign(at, { scale: 0, x: 0, y: 0 });
  notify("look");
}

export function full() {
  Object.assign(at, { scale: 1 / devicePixelRatio, x: 0, y: 0 });
  notify("look");
}

export function longestShown() {
  return Math.max(...sizeOfShot()) * scale() * devicePixelRatio;
}

export function forgetShown() {
  last.a = last.b = null;
}

export function draw() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    paint();
  });
}

function sides() {
  if (!store.shot) {
    const found = store.media && find("plate", store.media.first);
    const side = found?.image ? { image: found.image, size: found.size, what: "plate" } : null;
    return { a: side, b: side };
  }
  for (const side of ["a", "b"]) {
    const found = find(store[side], store.frame);
    if (found?.image) last[side] = { image: found.image, size: found.size, what: store[side] };
    else if (last[side] && last[side].what !== store[side]) last[side] = null;
  }
  return last;
}

function paint() {
  const ratio = devicePixelRatio;
  const [width, height] = [Math.round(box.clientWidth * ratio), Math.round(box.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#121212";
  context.fillRect(0, 0, width, height);
  const { a, b } = sides();
  const line = store.side === "wipe" ? store.wipe : store.side === "a" ? 1 : 0;
  const [x, y] = origin();
  const [wide, high] = sizeOfShot().map((length) => length * scale());
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (a && line > 0) part(a, x, y, wide, high, x, x + wide * line);
  if (b && line < 1) part(b, x, y, wide, high, x + wide * line, x + wide);
  if (store.side !== "wipe") return;
  const cut = Math.round(x + wide * line) + 0.5;
  context.fillStyle = "#0009";
  context.fillRect(cut - 1.5, 0, 3, box.clientHeight);
  context.fillStyle = "#e8e8e8";
  context.fillRect(cut - 0.5, 0, 1, box.clientHeight);
  context.fillRect(cut - 3.5, box.clientHeight / 2 - 12, 7, 24);
  if (a) label(a.what, cut - 8, "right");
  if (b) label(b.what, cut + 8, "left");
}

function label(what, x, align) {
  context.font = "11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  context.textAlign = align;
  context.textBaseline = "top";
  const wide = context.measureText(what).width;
  context.fillStyle = "#000a";
  context.fillRect((align === "left" ? x : x - wide) - 4, 6, wide + 8, 17);
  context.fillStyle = "#d2d2d2";
  context.fillText(what, x, 9);
}

// Draw the part of a picture between two columns; a driver's picture may have another aspect than the shot.
function part({ image, size }, x, y, wide, high, from, to) {
  const own = Math.min(wide / size[0], high / size[1]);
  const [w, h] = [size[0] * own, size[1] * own];
  context.save();
  context.beginPath();
  context.rect(from, 0, to - from, box.clientHeight);
  context.clip();
  context.imageSmoothingEnabled = (w * devicePixelRatio) / image.width < 2;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, x + (wide - w) / 2, y + (high - h) / 2, w, h);
  context.restore();
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
}, { passive: false });

export function zoom(factor, x = box.clientWidth / 2, y = box.clientHeight / 2) {
  const before = scale();
  const [left, top] = origin();
  const after = Math.min(Math.max(before * factor, 0.02), 40);
  const [width, height] = sizeOfShot();
  at.scale = after;
  at.x = x - ((x - left) / before) * after - (box.clientWidth - width * after) / 2;
  at.y = y - ((y - top) / before) * after - (box.clientHeight - height * after) / 2;
  notify("look");
}

function wipeTo(event) {
  store.wipe = Math.min(Math.max((event.offsetX - origin()[0]) / (sizeOfShot()[0] * scale()), 0), 1);
  notify("look");
}

function isNearWipe(event) {
  if (store.side !== "wipe") return false;
  return Math.abs(event.offsetX - origin()[0] - sizeOfShot()[0] * scale() * store.wipe) < NEAR;
}

canvas.addEventListener("pointermove", (event) => {
  if (!event.buttons) canvas.style.cursor = isNearWipe(event) ? "ew-resize" : "default";
});
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  const wipes = event.button === 0 && isNearWipe(event);
  const from = { x: event.clientX - at.x, y: event.clientY - at.y };
  const move = (moved) => {
    if (wipes) return wipeTo(moved);
    if (!at.scale) at.scale = scale();
    Object.assign(at, { x: moved.clientX - from.x, y: moved.clientY - from.y });
    notify("look");
  };
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", () => canvas.removeEventListener("pointermove", move), { once: true });
});
new ResizeObserver(() => notify("look")).observe(box);
