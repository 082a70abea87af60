// The upload of a file in parts (tus 1.0.0), resumed where a broken connection stopped it.

const PART = 4 * 1024 * 1024;
const TRIES = 60;
const PATIENCE = 3000;
/** Return a promise that is fulfilled after so many milliseconds. */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Refused extends Error {}

/** Upload a file and return its description by the platform. `tell(fraction)` reports progress; `stop` is an AbortSignal. */
export async function upload(api, file, name, tell, stop) {
  const number = await patiently(stop, () => begin(api, file, name, stop));
  let offset = 0;
  let isBroken = false;
  while (offset < file.size) {
    offset = await patiently(stop, async () => {
      if (isBroken) offset = await receivedBytes(api, number, stop);
      isBroken = true;
      const now = offset < file.size ? await send(api, number, file, offset, stop) : offset;
      isBroken = false;
      return now;
    });
    tell(offset / file.size);
  }
  const [seen] = (await patiently(stop, () => api.get(`files?ids=${number}`))).files;
  return seen;
}

/** Repeat a call while the connection is broken, but not if the platform refuses it. */
async function patiently(stop, ask) {
  for (let left = TRIES; ; left--) {
    try {
      return await ask();
    } catch (why) {
      if (why instanceof Refused || stop.aborted || !left) throw why;
      await pause(PATIENCE);
    }
  }
}

/** Begin an upload, and return its id. */
async function begin(api, file, name, signal) {
  const named = btoa(String.fromCharCode(...new TextEncoder().encode(name)));
  const headers = { "Upload-Length": String(file.size), "Upload-Metadata": `filename ${named}` };
  const reply = await call(api, "POST", "files", headers, undefined, signal);
  return (await reply.json()).id;
}

/** Send the part of a file that begins at `offset`; return how many bytes the platform has then. */
async function send(api, number, file, offset, signal) {
  const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
  const part = file.slice(offset, offset + PART);
  const reply = await call(api, "PATCH", `files/${number}`, headers, part, signal);
  return Number(reply.headers.get("Upload-Offset"));
}

/** Return how many bytes of an upload the platform has. */
async function receivedBytes(api, number, signal) {
  const reply = await call(api, "HEAD", `files/${number}`, {}, undefined, signal);
  return Number(reply.headers.get("Upload-Offset"));
}

/** Make a request of the upload protocol. Throws Refused if repeating it would not help. */
async function call(api, method, path, headers, body, signal) {
  const reply = await api.raw(path, { method, headers: { "Tus-Resumable": "1.0.0", ...headers }, body, signal });
  if (reply.ok) return reply;
  const said = await reply.json().catch(() => ({}));
  const again = reply.status === 423 || reply.status >= 500 || said.code === "offset";
  throw new (again ? Error : Refused)(said.description ?? String(reply.status));
}
