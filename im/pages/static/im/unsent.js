// Requests that are not answered yet. They survive a reload of the page, and are sent again with the same
// client_msg_id until the platform answers, which stores a repeated request only once.

const MAX_WAITING = 200;

export class Unsent {
  /** `keep`: a storage like localStorage; each browser tab has its own. */
  constructor(person, keep) {
    this.#key = `im.unsent.${person}`;
    this.#keep = keep;
    try {
      for (const request of JSON.parse(keep.getItem(this.#key) ?? "[]")) this.#waiting.set(request.data.client_msg_id, request);
    } catch {
      // Private windows have no storage.
    }
  }
  #key;
  #keep;
  #waiting = new Map();

  /** Add a request after all that wait, with a new id. */
  add(cmd, data) {
    if (this.#waiting.size >= MAX_WAITING) throw new Error("full");
    const request = { cmd, data: { ...data, client_msg_id: crypto.randomUUID() }, at: Date.now(), refused: null };
    this.#waiting.set(request.data.client_msg_id, request);
    this.#save();
    return request;
  }

  /** Note that a request is stored under a seq. A message stays here until the log shows it. */
  placed(id, seq) {
    const request = this.#waiting.get(id);
    if (!request) return;
    if (request.cmd !== "msg") return this.drop(id);
    request.seq = seq;
    this.#save();
  }

  /** Remove a request that is in the log, or that was discarded. */
  drop(id) {
    if (this.#waiting.delete(id)) this.#save();
  }

  /** Note why a request was refused, and return it; null if it is unknown. */
  refuse(id, why) {
    const request = this.#waiting.get(id);
    if (!request) return null;
    request.refused = why;
    this.#save();
    return request;
  }

  /** Allow a refused request to be sent again. */
  again(id) {
    const request = this.#waiting.get(id);
    if (request) request.refused = null;
    this.#save();
    return request;
  }

  /** Yield the requests that wait for an answer, in order. */
  *waiting() {
    for (const request of this.#waiting.values()) if (!request.refused && !request.seq) yield request;
  }

  /** Yield the messages of one conversation that are not in the log yet. */
  *messages(conversation) {
    for (const request of this.#waiting.values()) {
      if (request.cmd === "msg" && request.data.conversation_id === conversation) yield request;
    }
  }

  /** Keep all waiting requests in the storage. */
  #save() {
    try {
      this.#keep.setItem(this.#key, JSON.stringify([...this.#waiting.values()]));
    } catch {
      // Private windows have no storage.
    }
  }
}
