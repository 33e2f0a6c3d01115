// The options at the right, built from their declarations: sliders, menus, checkboxes, fields, file choosers.

import { shownValue, toggleKey } from "./curves.js";
import { hasFaces, listFaces } from "./faces.js";
import { choose } from "./files.js";
import { begin, commit, notify, option, reset, set, store } from "./store.js";

// Options that are set elsewhere in the page.
const ELSEWHERE = ["target", "driver", "output", "frames", "existing", "proxy", "curves", "cast"];
const panel = document.getElementById("panel");
const tabs = document.getElementById("tabs");
const rows = new Map();

export function build() {
  const shown = store.options.filter((one) => !ELSEWHERE.includes(one.name));
  const groups = [...new Set(shown.map((one) => one.group))];
  groups.sort((one, other) => (other === "Motion") - (one === "Motion"));
  if (!groups.includes(store.tab)) store.tab = groups[0];
  tabs.replaceChildren(...groups.map((group) => {
    const button = Object.assign(document.createElement("button"), { textContent: group });
    button.dataset.group = group;
    button.addEventListener("click", () => {
      store.tab = group;
      notify("look");
    });
    return button;
  }));
  rows.clear();
  panel.replaceChildren(...shown.map((one) => {
    const row = rowOf(one);
    row.element.dataset.group = one.group;
    rows.set(one.name, row);
    return row.element;
  }));
}

export function refresh() {
  for (const [name, row] of rows) {
    const curve = store.curves[name];
    row.element.hidden = option(name).group !== store.tab;
    row.element.classList.toggle("changed", name in store.values);
    row.element.classList.toggle("animated", Boolean(curve));
    if (!row.element.hidden) row.show(shownValue(name));
    row.key?.classList.toggle("curve", Boolean(curve));
    row.key?.classList.toggle("here", Boolean(curve) && store.frame in curve.frames);
    if (row.key) row.key.textContent = curve ? "◆" : "◇";
  }
  for (const button of tabs.children) {
    button.classList.toggle("on", button.dataset.group === store.tab);
    const own = [...rows.keys()].filter((name) => option(name).group === button.dataset.group);
    button.classList.toggle("changed", own.some((name) => name in store.values || store.curves[name]));
  }
}

function made(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

const tooltip = (one) => {
  const range = one.low === null ? "" : one.high === null ? ` ${one.low} or more.` : ` ${one.low} to ${one.high}.`;
  const plain = Array.isArray(one.default) ? one.default.join(", ") : one.default;
  const standard = plain === null || plain === "" ? "" : ` Default ${plain}.`;
  return `${one.help}${range}${standard}\n--${one.name.replaceAll("_", "-")}; double click resets`;
};

function rowOf(one) {
  const label = made("label", { textContent: one.name.replaceAll("_", " "), title: tooltip(one), htmlFor: `o-${one.name}` });
  label.addEventListener("dblclick", () => reset(one.name));
  const element = made("div", { className: "option" }, label);
  const kinds = { float: slider, int: whole, choice: choice, choices: checks, text: text, paths: path };
  const show = (one.path ? path : kinds[one.type])(one, element);
  const row = { element, show };
  if (one.animatable) {
    row.key = made("button", { className: "key", title: "Set a key at this frame, or delete it (curve over frames)" });
    row.key.addEventListener("click", () => toggleKey(one.name));
    element.append(row.key);
  }
  return row;
}

const steps = (one) => (one.high - one.low > 20 ? 0.1 : 0.01);
const short = (value) => String(Math.round(value * 1000) / 1000);

function slider(one, element) {
  if (one.low === null || one.high === null) return field(one, element, Number);
  const log = one.low > 0 && one.high / one.low > 500;
  const there = (value) => (log ? Math.log(value) : value);
  const back = (value) => (log ? Number(Math.exp(value).toPrecision(3)) : value);
  const input = made("input", {
    type: "range", id: `o-${one.name}`, min: there(one.low), max: there(one.high), step: log ? 0.001 : steps(one), title: tooltip(one),
  });
  const number = numberField(one, Number);
  input.addEventListener("pointerdown", begin);
  input.addEventListener("input", () => set(one.name, back(Number(input.value)), false));
  input.addEventListener("change", commit);
  input.addEventListener("dblclick", () => reset(one.name));
  element.append(input, number);
  return (value) => {
    if (Number(input.value) !== there(value)) input.value = there(value);
    if (document.activeElement !== number) number.value = short(value);
    number.classList.remove("wrong");
  };
}

function numberField(one, read) {
  const input = made("input", { className: "value", inputMode: "decimal", autocomplete: "off", title: tooltip(one) });
  input.dataset.option = one.name;
  const take = () => {
    const given = input.value.trim();
    const value = given === "" && one.default === null ? null : read(given);
    const wrong = value !== null && (given === "" || !Number.isFinite(value) || (one.type === "int" && !Number.isInteger(value))
      || (one.low !== null && value < one.low) || (one.high !== null && value > one.high));
    input.classList.toggle("wrong", wrong);
    if (!wrong) set(one.name, value);
  };
  input.addEventListener("change", take);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") input.blur();
    if (event.key === "Escape") {
      input.value = input.defaultValue;
      input.blur();
      refresh();
    }
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way || input.value.trim() === "") return;
    event.preventDefault();
    const size = (one.type === "int" ? 1 : steps(one)) * (event.shiftKey ? 10 : 1);
    const value = Math.round((Number(input.value) + way * size) * 1000) / 1000;
    input.value = Math.min(Math.max(value, one.low ?? -Infinity), one.high ?? Infinity);
    take();
  });
  return input;
}

function field(one, element, read) {
  const input = numberField(one, read);
  input.id = `o-${one.name}`;
  if (one.default === null) input.placeholder = "auto";
  element.append(made("span"), input);
  return (value) => {
    if (document.activeElement !== input) input.value = value ?? "";
    input.classList.remove("wrong");
  };
}

const whole = (one, element) => field(one, element, Number);

function choice(one, element) {
  const select = made("select", { className: "wide", id: `o-${one.name}`, title: tooltip(one) });
  select.append(...one.choices.map((name) => made("option", { textContent: name })));
  select.addEventListener("change", () => set(one.name, select.value));
  element.append(select);
  return (value) => { select.value = value; };
}

function checks(one, element) {
  element.classList.add("tall");
  const boxes = one.choices.map((name) => {
    const box = made("input", { type: "checkbox", value: name });
    box.addEventListener("change", () => {
      const chosen = boxes.filter((other) => other.checked).map((other) => other.value);
      if (chosen.length) set(one.name, chosen);
      else box.checked = true;
    });
    return box;
  });
  element.append(made("span", { className: "checks" }, ...boxes.map((box) => made("label", {}, box, box.value))));
  return (value) => { for (const box of boxes) box.checked = value.includes(box.value); };
}

function text(one, element) {
  const input = made("input", { className: "wide", id: `o-${one.name}`, spellcheck: false, autocomplete: "off", title: tooltip(one) });
  if (one.choices.length) {
    const list = made("datalist", { id: `l-${one.name}` }, ...one.choices.map((name) => made("option", { value: name })));
    element.append(list);
    input.setAttribute("list", list.id);
  }
  input.addEventListener("change", () => set(one.name, input.value));
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") input.blur(); });
  element.append(input);
  return (value) => { if (document.activeElement !== input) input.value = value; };
}

function path(one, element) {
  const several = one.type === "paths";
  const input = made("input", { className: "wide", id: `o-${one.name}`, spellcheck: false, title: tooltip(one) });
  const button = made("button", { textContent: "…", title: "Choose a file" });
  const take = (value) => set(one.name, several ? value.split(",").map((name) => name.trim()).filter(Boolean) : value);
  input.addEventListener("change", () => take(input.value));
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") input.blur(); });
  button.addEventListener("click", async () => {
    const chosen = await choose(one.name.replaceAll("_", " "), input.value.split(",")[0], true);
    if (chosen) take(several && input.value ? `${input.value},${chosen}` : chosen);
  });
  const find = made("button", { textContent: "Find", title: "List the faces, to choose one" });
  find.addEventListener("click", () => listFaces(one.name));
  element.append(made("span", { className: "row" }, input, ...(hasFaces(one.name) ? [find] : []), button));
  return (value) => { if (document.activeElement !== input) input.value = several ? value.join(",") : value; };
}
