// The log of one conversation as this device knows it, without gaps, and the messages that follow from it.
// It uses neither page nor network. Pushed and fetched entries have one form; an entry known before is dropped.

/** Entries of these kinds are shown; others change how these look. */
const SHOWN = new Set(["msg", "member", "conversation", "call"]);

/** The log holds every entry with floor < seq <= top; later entries wait in `#early` until the gap is closed. */
export class Log {
  #entries = new Map();
  #early = new Map();
  /** The entries that have changed a message, by its seq. */
  #about = new Map();

  /** `at`: the last seq of the conversation when the device first learns of it. */
  constructor(id, at = 0) {
    this.id = id;
    this.floor = this.top = at;
    /** The seq up to which each person has read. */
    this.read = new Map();
  }

  /** Add an entry that was pushed, or fetched as following `top`; return what became visible, in order. */
  take(entry) {
    const { seq } = entry.data;
    if (seq <= this.top || this.#early.has(seq)) return [];
    this.#early.set(seq, entry);
    return this.#release();
  }

  /** Add a fetched page of entries after `after`, up to `upto`; some of them may be hidden. Return what became visible. */
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

  /** Add a fetched page of entries before `floor`, which holds everything above `downto`. */
  takeBefore(entries, downto) {
    for (const entry of entries) {
      const { seq } = entry.data;
      if (seq <= this.floor && seq > downto) this.#put(entry);
    }
    this.floor = Math.min(this.floor, downto);
  }

  /** Start anew after a seq, because the person may no longer see anything before it. */
  #restart(after) {
    this.#entries.clear();
    this.#about.clear();
    for (const seq of this.#early.keys()) if (seq <= after) this.#early.delete(seq);
    this.floor = this.top = after;
  }

  /** Hide a message that the person has deleted from the own view; `clear` hides everything up to a seq. */
  hide(seq) {
    const entry = this.#entries.get(seq);
    if (entry) this.#entries.set(seq, { ...entry, data: { seq, hidden: true } });
  }

  /** Hide all entries up to this seq, because the person has cleared the conversation. */
  clear(upto) {
    for (const seq of this.#entries.keys()) if (seq <= upto) this.hide(seq);
    this.floor = Math.max(this.floor, Math.min(upto, this.top));
  }

  /** Add the waiting entries that follow `top` without a gap; return them, in order. */
  #release() {
    const shown = [];
    while (this.#early.has(this.top + 1)) {
      this.top += 1;
      shown.push(this.#keep(this.top));
    }
    return shown;
  }

  /** Move the waiting entry with this seq into the log, and return it. */
  #keep(seq) {
    const entry = this.#early.get(seq);
    this.#early.delete(seq);
    this.#put(entry);
    return entry;
  }

  /** Store an entry; one that changes a message is also noted at that message. */
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

  /** Whether an entry waits for missing ones. */
  get hasGap() {
    return this.#early.size > 0;
  }

  /** Note up to which seq a person has read; an older note changes nothing. */
  hasRead(person, seq) {
    if (seq > (this.read.get(person) ?? 0)) this.read.set(person, seq);
  }

  /** Return whether the log holds the entry with this seq. */
  has(seq) {
    return this.#entries.has(seq);
  }

  /** Yield what is shown, in order: messages in their current form, and events of the conversation. */
  *shown() {
    for (const seq of [...this.#entries.keys()].sort((a, b) => a - b)) {
      const { cmd, data } = this.#entries.get(seq);
      if (data.hidden) continue;
      if (SHOWN.has(cmd)) yield this.now(seq);
    }
  }

  /** Return the last text message of a person, in its current form; undefined if there is none. */
  lastTextBy(person) {
    return [...this.shown()].findLast(
      ({ cmd, data }) => cmd === "msg" && data.publisher_id === person && data.type === "text" && !data.recalled_seq,
    );
  }

  /** Return an entry in its current form; undefined if it is not here. */
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

/** Apply a recall, an edit or a reaction to the data of a message. */
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

/** Return the seq that a msg_id names. */
export function seqOf(msgId) {
  return Number(String(msgId).split(".")[1]);
}
