// The dialogs Export (settings as text for other programs) and Render.

import { get, post } from "./api.js";
import { choose } from "./files.js";
import { begin, commit, option, set, store, valueOf } from "./store.js";

const ABOUT = {
  command: "Renders the same frames at full size, in a shell.",
  job: "A job file, for ofx-reenact job task FILE render and for farms.",
  preset: "Save it as ~/.nuke/reenact_presets/NAME.json; the Reenact node in Nuke then offers the preset NAME.",
  curves: "Values over frames, for --curves.",
};
const NAMES = { command: "reenact.sh", job: "reenact.job.json", preset: "page.json", curves: "reenact.curves.json" };
const exported = document.getElementById("exported");
const rendering = document.getElementById("rendering");
const inside = (dialog, name) => dialog.querySelector(name);
const request = () => ({ settings: store.values, curves: store.curves });
let kind = "command";
let replaces = "";

// The default output: beside the target.
function outputOf() {
  const { target = "", output } = store.values;
  return output || `${target.slice(0, target.lastIndexOf("/"))}/reenact.####.exr`;
}

const curvesPath = () => `${outputOf().replace(/[._-]*[#@]+\.exr$/, "")}.curves.json`;

export function openExport() {
  exported.showModal();
  fill();
}

async function fill() {
  for (const button of exported.querySelectorAll("[data-kind]")) button.classList.toggle("on", button.dataset.kind === kind);
  inside(exported, ".about").textContent = kind === "curves" ? `${ABOUT[kind]} Save writes ${curvesPath()}` : ABOUT[kind];
  inside(exported, ".open").hidden = kind !== "curves";
  replaces = "";
  inside(exported, ".error").textContent = "";
  const area = inside(exported, "textarea");
  area.value = "";
  try {
    if (kind === "curves") {
      area.value = `${JSON.stringify({ schema: "ofx-reenact/curves/1", curves: store.curves }, null, 2)}\n`;
    } else {
      area.value = (await post("export", { kind, settings: { ...store.values, output: outputOf() }, curves: store.curves })).text;
    }
  } catch (error) {
    inside(exported, ".error").textContent = error.message;
  }
}

for (const button of exported.querySelectorAll("[data-kind]")) {
  button.addEventListener("click", () => {
    kind = button.dataset.kind;
    fill();
  });
}
inside(exported, ".copy").addEventListener("click", async () => {
  const area = inside(exported, "textarea");
  try {
    await navigator.clipboard.writeText(area.value);
  } catch {
    area.select();
    document.execCommand("copy");
  }
  inside(exported, ".about").textContent = "Copied.";
});
inside(exported, ".save").addEventListener("click", () => {
  if (kind === "curves") return saveCurves();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([inside(exported, "textarea").value]));
  link.download = NAMES[kind];
  link.click();
  URL.revokeObjectURL(link.href);
});

async function saveCurves() {
  const path = curvesPath();
  try {
    await post("curves", { path, curves: store.curves, replace: replaces === path });
    inside(exported, ".about").textContent = `Saved as ${path}`;
    inside(exported, ".error").textContent = "";
  } catch (error) {
    replaces = path;
    inside(exported, ".error").textContent = `${error.message}; Save once more replaces it`;
  }
}

inside(exported, ".open").addEventListener("click", async () => {
  const path = await choose("Curves", curvesPath(), true);
  if (!path) return;
  try {
    const { curves } = await post("read-curves", { path });
    begin();
    store.curves = curves;
    commit();
    fill();
  } catch (error) {
    inside(exported, ".error").textContent = error.message;
  }
});

export function openRender() {
  const existing = inside(rendering, "#existing");
  existing.replaceChildren(...option("existing").choices.map((name) => new Option(name)));
  existing.value = valueOf("existing");
  const [output, frames] = [inside(rendering, "#output"), inside(rendering, "#frames")];
  output.value = outputOf();
  frames.value = valueOf("frames");
  inside(rendering, ".error").textContent = "";
  rendering.showModal();
  follow();
}

inside(rendering, ".browse").addEventListener("click", async () => {
  const chosen = await choose("Output", inside(rendering, "#output").value, true);
  if (chosen) inside(rendering, "#output").value = chosen;
});
inside(rendering, ".start").addEventListener("click", async () => {
  set("output", inside(rendering, "#output").value.trim());
  set("frames", inside(rendering, "#frames").value.trim());
  set("existing", inside(rendering, "#existing").value);
  inside(rendering, ".error").textContent = "";
  try {
    await post("render", request());
  } catch (error) {
    inside(rendering, ".error").textContent = error.message;
    return;
  }
  follow();
});
inside(rendering, ".stop").addEventListener("click", () => post("cancel", { what: "render" }));

let following = false;

// Show the render's progress until it ends.
async function follow() {
  if (following) return;
  following = true;
  let state = "running";
  while (state === "running") {
    try {
      const { render } = await get("status");
      state = render.state;
      showRender(render);
    } catch (error) {
      inside(rendering, ".error").textContent = error.message;
      state = "error";
    }
    if (state === "running") await new Promise((resolve) => setTimeout(resolve, 300));
  }
  following = false;
}

function showRender(render) {
  const running = render.state === "running";
  inside(rendering, ".start").disabled = running;
  inside(rendering, ".stop").disabled = !running;
  const bar = inside(rendering, "progress");
  const { step, report } = render;
  bar.value = running && step.total ? step.done / step.total : render.state === "done" ? 1 : 0;
  const failed = Object.entries(report?.failed ?? {}).map(([frame, why]) => `frame ${frame}: ${why}`);
  inside(rendering, ".about").textContent = running
    ? progressText(step)
    : { done: report && `${report.written.length} frames written to ${report.output} in ${report.seconds} s`
        + (report.skipped.length ? `; ${report.skipped.length} existed already` : ""),
      cancelled: "Cancelled; frames that were finished are whole." }[render.state] ?? "";
  if (render.state === "error") inside(rendering, ".error").textContent = render.message;
  else if (failed.length) inside(rendering, ".error").textContent = failed.join("; ");
}

export function progressText(step) {
  if (!step.stage) return "reading";
  const words = { target: "target", driver: "driver", render: "rendering" };
  const eta = step.eta ? `, ${Math.ceil(step.eta)} s left` : "";
  return `${words[step.stage] ?? step.stage} ${step.done}${step.total ? `/${step.total}` : ""}${eta}`;
}
