// Requests to the page's server. Paths are relative to the page's own, which contains the secret token.

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
  let content = {};
  try {
    content = await answer.json();
  } catch {
    // The answer is not from this server.
  }
  throw new Refused(content.message || `the page's server answered ${answer.status}`, answer.status, content.code);
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

// Send a job to the viewing engine. Returns its values, with `blob` if there is a picture; null if a later request of this
// tab replaced it.
export async function view(request) {
  const bytes = await (await reached("view", posted({ tab: TAB, ...request }))).arrayBuffer();
  const length = new DataView(bytes).getUint32(0);
  const values = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  if (values.dropped) return null;
  if (bytes.byteLength > 4 + length) {
    values.blob = new Blob([new Uint8Array(bytes, 4 + length)], { type: "image/jpeg" });
  }
  return values;
}
