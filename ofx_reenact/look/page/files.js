// The dialog for choosing a file in the folders that the page may reach; numbered pictures are one sequence.

import { get } from "./api.js";

const dialog = document.getElementById("files");
const part = (name) => dialog.querySelector(name);
let last = "";
let answered = null;

const joined = (folder, name) => `${folder.replace(/\/$/, "")}/${name}`;

// Let the user choose a file; returns its path, or "" for none. `any` also accepts other files and new names.
export async function choose(title, now = "", any = false) {
  part("h2").textContent = title;
  part(".chosen").value = "";
  dialog.dataset.any = any ? "1" : "";
  dialog.showModal();
  await open(now.includes("/") ? now.slice(0, now.lastIndexOf("/")) || "/" : last);
  if (now) part(".chosen").value = now.slice(now.lastIndexOf("/") + 1);
  part(".list").focus();
  return new Promise((resolve) => { answered = resolve; });
}

function answer(value) {
  const resolve = answered;
  answered = null;
  resolve?.(value);
  if (dialog.open) dialog.close();
}

async function open(folder) {
  let found;
  try {
    found = await get(`files?folder=${encodeURIComponent(folder)}`);
  } catch (error) {
    part(".error").textContent = error.message;
    if (!part(".list").children.length && folder) await open("");
    return;
  }
  part(".error").textContent = "";
  last = found.folder;
  part(".where").value = found.folder;
  part(".up").disabled = !found.parent;
  part(".up").onclick = () => open(found.parent);
  part(".roots").replaceChildren(...["folders…", ...found.roots].map((name, row) => new Option(name, row ? name : "")));
  const any = Boolean(dialog.dataset.any);
  const files = found.files.filter((file) => any || file.kind !== "other");
  part(".list").replaceChildren(
    ...found.folders.map((name) => entry(`${name}/`, "", "folder", null, () => open(joined(found.folder, name)))),
    ...files.map((file) => entry(file.name, file.frames, file.kind, file.name, () => answer(joined(found.folder, file.name)))),
  );
}

function entry(name, frames, kind, chosen, take) {
  const row = document.createElement("div");
  row.className = kind;
  row.append(name, Object.assign(document.createElement("span"), { textContent: frames }));
  row.addEventListener("click", () => {
    for (const other of part(".list").children) other.classList.toggle("on", other === row);
    if (chosen !== null) part(".chosen").value = chosen;
  });
  row.addEventListener("dblclick", take);
  row.take = take;
  return row;
}

part(".roots").addEventListener("change", () => part(".roots").value && open(part(".roots").value));
part(".where").addEventListener("change", () => open(part(".where").value));
part(".choose").addEventListener("click", () => {
  const name = part(".chosen").value.trim();
  const row = part(".list .on");
  if (name) answer(name.startsWith("/") ? name : joined(last, name));
  else row?.take();
});
part(".chosen").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  part(".choose").click();
});
part(".where").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  open(part(".where").value);
});
part(".list").addEventListener("keydown", (event) => {
  const list = [...part(".list").children];
  const row = list.findIndex((one) => one.classList.contains("on"));
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (way && list.length) {
    const next = list[Math.min(Math.max(row + way, 0), list.length - 1)];
    next.click();
    next.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter" && row >= 0) list[row].take();
  else if (event.key === "Backspace" && !part(".up").disabled) part(".up").click();
  else return;
  event.preventDefault();
});
dialog.addEventListener("close", () => answer(""));
