// A shared document is a Yjs document whose updates lie with the platform: the page sends what is written here, and
// fetches what others write. What the platform has not acknowledged is sent again.

import { pause } from "./page.js";

/** Milliseconds between two requests of a page, and how many more for each person in the call: all fetch each update. */
const FETCH_EVERY = 150;
const FETCH_MORE_BY_PERSON = 15;
const TRY_AGAIN = 2000;
/** With these refusals the same update may be stored a moment later. */
const PASSING = ["away", "rate", "elsewhere", "absent"];
/** Updates are sent together up to so many bytes; the platform takes 64 KiB. */
const MOST_BYTES = 48 * 1024;
/** The origin of what the platform has sent. */
const REMOTE = "remote";
/** The origin of what the person has done, which can be undone. */
export const OWN = "own";

const encoded = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const decoded = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

export class SharedDocument {
  /**
   * @param Y the library; @param {(fields: {[name: string]: string}) => Promise<any>} ask sends a form to the platform
   * @param on what the panel does: `begun(doc)` with an empty document, `rights({may_write, may_direct, read_only})`,
   * `sent()` when the others have something to fetch, `trouble(word)` with the reason why something is not stored, or ""
   * @param {() => number} people in the call
   * @param {number} sendEvery so many milliseconds lie between two updates that are sent
   */
  constructor(Y, ask, on, people, sendEvery) {
    this.#Y = Y;
    this.#ask = ask;
    this.#on = on;
    this.#people = people;
    this.#sendEvery = sendEvery;
    this.#begin(0);
  }
  #Y;
  #ask;
  #on;
  #people;
  #sendEvery;
  #doc;
  #generation = 0;
  #last = 0;
  /** @type {Uint8Array[]} */
  #unsent = [];
  #isSending = false;
  #isWanted = false;
  #isFetching = false;
  #isClosed = false;

  /** Forget the document, once what was written here is sent; nothing is fetched any more. */
  close() {
    this.#isClosed = true;
    this.#doc.destroy();
  }

  get last() {
    return this.#last;
  }

  /** Begin with an empty document: at first, when it was cleared, and when something written here was refused. */
  #begin(generation) {
    this.#doc?.destroy();
    this.#generation = generation;
    this.#last = 0;
    this.#unsent = [];
    this.#doc = new this.#Y.Doc();
    this.#doc.on("update", (update, origin) => {
      if (origin === REMOTE) return;
      this.#unsent.push(update);
      this.#send();
    });
    this.#on.begun(this.#doc);
  }

  /** Fetch what is new. */
  async fetch() {
    this.#isWanted = true;
    if (this.#isFetching) return;
    this.#isFetching = true;
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      // The unit has not reported the entry yet.
      if ((await this.#exchange({})) === "absent") this.#isWanted = true;
      await pause(FETCH_EVERY + FETCH_MORE_BY_PERSON * this.#people());
    }
    this.#isFetching = false;
  }

  /** Send a form, take in the answer, and return why it was refused, or "". */
  async #exchange(fields) {
    const doc = this.#doc;
    const known = { generation: String(this.#generation), after: String(this.#last) };
    const answer = await this.#ask({ ...known, ...fields }).catch(() => ({ refused: "away" }));
    if (this.#isClosed) return answer.refused ?? "";
    // Another document has begun meanwhile, of which the answer says too little.
    if (doc !== this.#doc) {
      this.fetch();
      return answer.refused ?? "";
    }
    if (answer.refused) return answer.refused;
    this.#take(answer);
    return "";
  }

  #take(answer) {
    if (answer.generation !== this.#generation) this.#begin(answer.generation);
    this.#doc.transact(() => {
      for (const update of answer.updates) this.#Y.applyUpdate(this.#doc, decoded(update), REMOTE);
    }, REMOTE);
    this.#last = Math.max(this.#last, answer.last);
    this.#on.rights(answer);
  }

  /** Send what was written here, some of it at a time, until the platform has all. */
  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    await null; // What belongs to the same step of the person comes along.
    while (this.#unsent.length) {
      const doc = this.#doc;
      const taken = this.#countToSend();
      const update = this.#Y.mergeUpdates(this.#unsent.slice(0, taken));
      const refusal = await this.#exchange({ act: "write", update: encoded(update) });
      if (doc !== this.#doc) continue;
      if (!refusal) {
        this.#unsent.splice(0, taken);
        if (!this.#isClosed) this.#on.trouble("");
        this.#on.sent();
        await pause(this.#sendEvery);
        continue;
      }
      if (this.#isClosed) break;
      this.#on.trouble(refusal);
      if (PASSING.includes(refusal)) await pause(TRY_AGAIN);
      else this.#begin(this.#generation);
      this.fetch();
    }
    this.#isSending = false;
  }

  #countToSend() {
    let bytes = 0;
    const tooMany = this.#unsent.findIndex((update) => (bytes += update.length) > MOST_BYTES);
    return tooMany < 0 ? this.#unsent.length : Math.max(1, tooMany);
  }

  /** Clear the document ("clear"), or let others only read it ("read_only"); return why that was refused, or "". */
  async direct(act, value = "") {
    const refusal = await this.#exchange({ act, value });
    if (!refusal) this.#on.sent();
    return refusal;
  }
}
