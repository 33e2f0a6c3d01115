// The dialog that lists the people in a target or driver, to choose one.

import { view } from "./api.js";
import { set, store } from "./store.js";

const OF = { face: ["driver", "driver_colorspace", "driver_layer"], target_face: ["target", "colorspace", "layer"] };
const dialog = document.getElementById("faces");
const part = (name) => dialog.querySelector(name);
let chosen = "";

export const hasFaces = (name) => name in OF;

// List the people for an option, face or target_face; the chosen one becomes its value.
export async function listFaces(name) {
  const [source] = OF[name];
  const settings = Object.fromEntries(OF[name].filter((one) => one in store.values).map((one) => [one, store.values[one]]));
  part("h2").textContent = `Faces of the ${source}`;
  part(".list").replaceChildren();
  part(".error").textContent = "";
  part(".about").textContent = "searching…";
  dialog.showModal();
  try {
    const found = await view({ do: "faces", settings, thumbnails: true });
    if (!found) return;
    part(".about").textContent = found.every > 1 ? `One frame in ${found.every} was searched.` : "";
    const pictures = await Promise.all(found.thumbnails.map(decoded));
    part(".list").replaceChildren(...found.faces.map((face, at) => row(name, face, pictures[at])));
    part(".list").firstChild.click();
    part(".list").focus();
  } catch (error) {
    part(".about").textContent = "";
    part(".error").textContent = error.message;
  }
}

// Decode a JPEG in base64 to a canvas.
async function decoded(encoded) {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas;
}

function row(name, face, picture) {
  const line = document.createElement("div");
  const [x, y] = face.position;
  const lines = [`frames ${face.frames}`, `largest in ${face.frame}, at ${x},${y}`, `${face.size} pixels high`];
  line.append(picture, ...lines.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  line.addEventListener("click", () => {
    for (const other of part(".list").children) other.classList.toggle("on", other === line);
    chosen = face.choose;
  });
  line.addEventListener("dblclick", take);
  line.dataset.option = name;
  return line;
}

function take() {
  const name = part(".list .on")?.dataset.option;
  if (!name) return;
  dialog.close();
  set(name, chosen);
}

part(".choose").addEventListener("click", take);
part(".list").addEventListener("keydown", (event) => {
  const list = [...part(".list").children];
  const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const at = list.findIndex((one) => one.classList.contains("on"));
  if (way) list[Math.min(Math.max(at + way, 0), list.length - 1)]?.click();
  else if (event.key === "Enter") take();
  else return;
  event.preventDefault();
});
