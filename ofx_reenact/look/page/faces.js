// Who is in a target or driver, to choose one of them.

import { view } from "./api.js";
import { set, store } from "./store.js";

const OF = { face: ["driver", "driver_colorspace", "driver_layer"], target_face: ["target", "colorspace", "layer"] };
const dialog = document.getElementById("faces");
const part = (name) => dialog.querySelector(name);
let chosen = "";

export const hasFaces = (name) => name in OF;

// List the faces of what an option chooses from; one that is taken is set.
export async function listFaces(name) {
  const [source] = OF[name];
  const settings = Object.fromEntries(OF[name].filter((one) => one in store.values).map((one) => [one, store.values[one]]));
  part("h2").textContent = `Faces of the ${source}`;
  part(".list").replaceChildren();
  part(".error").textContent = "";
  part(".about").textContent = "looking…";
  dialog.showModal();
  try {
    const found = await view({ do: "faces", settings, thumbnails: true });
    if (!found) return;
    part(".about").textContent = found.every > 1 ? `One frame in ${found.every} was looked at.` : "";
    const pictures = await Promise.all(found.thumbnails.map(shown));
    part(".list").replaceChildren(...found.faces.map((face, at) => row(name, face, pictures[at])));
    part(".list").firstChild.click();
    part(".list").focus();
  } catch (error) {
    part(".about").textContent = "";
    part(".error").textContent = error.message;
  }
}

// A JPEG in base64 as a picture of the page.
async function shown(encoded) {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas;
}

function row(name, face, picture) {
  const line = document.createElement("div");
  const [x, y] = face.position;
  const said = [`frames ${face.frames}`, `largest in ${face.frame}, at ${x},${y}`, `${face.size} pixels high`];
  line.append(picture, ...said.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
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
