// What a device knows of one conversation: its log, as far as it is here without a hole, and what follows from it.
// Pure: no page, no network. Pushes and history say the same of an entry; whatever was here before is dropped.

/** Everything with floor < seq <= top is here; what came too early waits in `#early`. */
export class Log {
  #entries = new Map();
  #early = new Map();
  /** By the seq of a message: the entries that have changed it. */
  #about = new Map();

  /** `at`: how far the conversation has come when it is first heard of. */
  constructor(id, at = 0) {
    this.id = id;
    this.floor = this.top = at;
    /** By person: read up to there. */
    this.read = new Map();
  }

  /** An entry that was pushed, or fetched as what comes after `top`. What became visible by it, in order. */
  take(entry) {
    const { seq } = entry.data;
    if (seq <= this.top || this.#early.has(seq)) return [];
    this.#early.set(seq, entry);
    return this.#release();
  }

  /** A page of what comes after `after` was fetched: `upto` is how far it goes, though some may not be shown. */
  takeAfter(entries, after, upto) {
    if (after > this.top) this.#restart(after);
    for (const entry of entries) if (entry.data.seq > this.top) this.#early.set(entry.data.seq, entry);
    const shown = [];
    if (upto > this.top) {
      for (const seq of [...this.#early.keys()].filter((n) => n <= upto).sort((a, b) => a - b)) {
        shown.push(this.#keep(seq));
      }
      this.top = upto;
    }
    return [...shown, ...this.#release()];
  }

  /** A page of what comes before `floor` was fetched; `downto`: everything above it is here now. */
  takeBefore(entries, downto) {
    for (const entry of entries) {
      const { seq } = entry.data;
      if (seq <= this.floor && seq > downto) this.#put(entry);
    }
    this.floor = Math.min(this.floor, downto);
  }

  /** What one may see begins later than what is here: all before it is gone. */
  #restart(after) {
    this.#entries.clear();
    this.#about.clear();
    for (const seq of this.#early.keys()) if (seq <= after) this.#early.delete(seq);
    this.floor = this.top = after;
  }

  /** Deleted for oneself: one message, or everything up to there. */
  hide(seq) {
    const entry = this.#entries.get(seq);
    if (entry) this.#entries.set(seq, { ...entry, data: { seq, hidden: true } });
  }

  clear(upto) {
    for (const seq of this.#entries.keys()) if (seq <= upto) this.hide(seq);
    this.floor = Math.max(this.floor, Math.min(upto, this.top));
  }

  #release() {
    const shown = [];
    while (this.#early.has(this.top + 1)) {
      this.top += 1;
      shown.push(this.#keep(this.top));
    }
    return shown;
  }

  #keep(seq) {
    const entry = this.#early.get(seq);
    this.#early.delete(seq);
    this.#put(entry);
    return entry;
  }

  #put(entry) {
    const { cmd, data } = entry;
    this.#entries.set(data.seq, entry);
    if (data.hidden) return;
    if (cmd === "read") this.hasRead(data.user_id, data.read_seq);
    if (cmd !== "edit" && cmd !== "recall" && cmd !== "react") return;
    const target = seqOf(data.msg_id);
    if (!this.#about.has(target)) this.#about.set(target, []);
    this.#about.get(target).push(entry);
  }

  /** Does something wait for what is not here? */
  get hasGap() {
    return this.#early.size > 0;
  }

  hasRead(person, seq) {
    if (seq > (this.read.get(person) ?? 0)) this.read.set(person, seq);
  }

  has(seq) {
    return this.#entries.has(seq);
  }

  /** What is shown, in order: messages as they are now, and what happened to the conversation. */
  *shown() {
    for (const seq of [...this.#entries.keys()].sort((a, b) => a - b)) {
      const { cmd, data } = this.#entries.get(seq);
      if (data.hidden) continue;
      if (cmd === "msg" || cmd === "member" || cmd === "conversation") yield this.now(seq);
    }
  }

  /** An entry as it is now; undefined where it is not here. */
  now(seq) {
    const entry = this.#entries.get(seq);
    if (entry?.cmd !== "msg") return entry;
    const data = { ...entry.data, reactions: new Map() };
    const changes = (this.#about.get(seq) ?? []).toSorted((a, b) => a.data.seq - b.data.seq);
    for (const change of changes) apply(data, change);
    if (data.recalled_seq) data.reactions.clear();
    return { cmd: "msg", data };
  }
}

function apply(data, { cmd, data: change }) {
  if (cmd === "recall") {
    data.recalled_seq = change.seq;
    data.body = "";
    delete data.file;
  } else if (cmd === "edit" && !data.recalled_seq && change.seq >= (data.edited_seq ?? 0)) {
    data.body = change.body;
    data.edited_seq = change.seq;
  } else if (cmd === "react") {
    const people = data.reactions.get(change.emoji) ?? new Set();
    if (change.on) people.add(change.publisher_id);
    else people.delete(change.publisher_id);
    if (people.size) data.reactions.set(change.emoji, people);
    else data.reactions.delete(change.emoji);
  }
}

/** The place that a msg_id names. */
export function seqOf(msgId) {
  return Number(String(msgId).split(".")[1]);
}
