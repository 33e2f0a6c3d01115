// What this page asks of its server. Every path lies below the page's own, which holds the word that lets it in.

export const TAB = crypto.randomUUID();

export class Refused extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function checked(answer) {
  if (answer.ok) return answer;
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // Not this server's own words, then.
  }
  throw new Refused(said.message || `the page's server answered ${answer.status}`, answer.status, said.code);
}

async function reached(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("the page's server has ended; start ofx-reenact look again", 0);
  }
  return checked(answer);
}

export async function get(path) {
  return (await reached(path)).json();
}

function posted(content) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
}

export async function post(path, content) {
  return (await reached(path, posted(content))).json();
}

// Ask the engine; the answer's values, with `blob` where there is a picture, or null where a later request came.
export async function view(request) {
  const bytes = await (await reached("view", posted({ tab: TAB, ...request }))).arrayBuffer();
  const length = new DataView(bytes).getUint32(0);
  const said = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  if (said.dropped) return null;
  if (bytes.byteLength > 4 + length) {
    said.blob = new Blob([new Uint8Array(bytes, 4 + length)], { type: "image/jpeg" });
  }
  return said;
}
