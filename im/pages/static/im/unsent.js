// What was said and is not answered yet. It outlives a reload of the page, and is said again with the same
// client_msg_id until the platform answers: there it is one message, however often it came.

const MOST = 200;

export class Unsent {
  /** `keep`: where it is remembered, as localStorage has it; each browser tab has its own. */
  constructor(person, keep) {
    this.#key = `im.unsent.${person}`;
    this.#keep = keep;
    try {
      for (const one of JSON.parse(keep.getItem(this.#key) ?? "[]")) this.#waiting.set(one.data.client_msg_id, one);
    } catch {
      // Private windows have no memory.
    }
  }
  #key;
  #keep;
  #waiting = new Map();

  /** A new wish; with its id, in order after all that wait. */
  add(cmd, data) {
    if (this.#waiting.size >= MOST) throw new Error("full");
    const one = { cmd, data: { ...data, client_msg_id: crypto.randomUUID() }, at: Date.now(), refused: null };
    this.#waiting.set(one.data.client_msg_id, one);
    this.#save();
    return one;
  }

  /** It has its place. A message stays until the log shows it. */
  placed(id, seq) {
    const one = this.#waiting.get(id);
    if (!one) return;
    if (one.cmd !== "msg") return this.drop(id);
    one.seq = seq;
    this.#save();
  }

  /** It is in the log, or nobody wants it any more. */
  drop(id) {
    if (this.#waiting.delete(id)) this.#save();
  }

  refuse(id, why) {
    const one = this.#waiting.get(id);
    if (!one) return null;
    one.refused = why;
    this.#save();
    return one;
  }

  /** Say it once more. */
  again(id) {
    const one = this.#waiting.get(id);
    if (one) one.refused = null;
    this.#save();
    return one;
  }

  /** All that wait for an answer, in order. */
  *waiting() {
    for (const one of this.#waiting.values()) if (!one.refused && !one.seq) yield one;
  }

  /** Messages that are not in the log yet, of one conversation. */
  *messages(conversation) {
    for (const one of this.#waiting.values()) {
      if (one.cmd === "msg" && one.data.conversation_id === conversation) yield one;
    }
  }

  #save() {
    try {
      this.#keep.setItem(this.#key, JSON.stringify([...this.#waiting.values()]));
    } catch {
      // Private windows have no memory.
    }
  }
}
