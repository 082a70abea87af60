// What the panels of the shared notes and of the whiteboard have in common: the document is loaded when one is opened
// for the first time, who leads clears it or makes it read-only, and others are told.

import { $, filled, notice } from "./page.js";
import { Panel } from "./panels.js";
import { SharedDocument } from "./shared_document.js";

/** Milliseconds for which the page says who has written last. */
const WRITES_FOR = 3000;

export class SharedPanel {
  /**
   * @param {"notes" | "board"} kind is the id of the panel's element, too
   * @param words the texts of the page
   * @param {(fields: {[name: string]: string}) => Promise<any>} ask sends a form about shared documents to the platform
   * @param {() => void} poke tells the other pages that there is something new
   * @param {{count: () => number, nameOf: (id: string) => string}} people in the call
   * @param {number} sendEvery see `SharedDocument`
   */
  constructor(kind, words, ask, poke, people, sendEvery) {
    this.kind = kind;
    this.words = words;
    this.#ask = ask;
    this.#poke = poke;
    this.#people = people;
    this.#sendEvery = sendEvery;
    this.panel = new Panel(kind, () => this.#open());
    $(`${kind}-read-only`).addEventListener("change", ({ target }) => this.#direct("read_only", target.checked ? "1" : "0"));
    $(`${kind}-clear`).addEventListener("click", () => this.#clear());
    $(`${kind}-clear`).addEventListener("blur", () => this.#disarm());
  }
  #ask;
  #poke;
  #people;
  #sendEvery;
  /** @type {SharedDocument | null} */
  #document = null;
  #isInside = false;
  #rights = { may_write: false, may_direct: false, read_only: false };
  /** The last change that the platform has told of; null: none since the entry. */
  #told = null;
  #writer = "";
  #writerTimer = 0;

  get mayWrite() {
    return this.#rights.may_write;
  }

  /** Take the platform's answer to where the conference is: `shared` has the last change of each document. */
  hear(answer) {
    if (!answer?.pass) return;
    this.#isInside = true;
    const last = answer.shared?.[this.kind] ?? 0;
    if (this.#document && last > this.#document.last) this.#document.fetch();
    if (this.#told === 0 && last) this.#announce();
    this.#told = Math.max(this.#told ?? 0, last);
  }

  /** Fetch what is new, since somebody (the id of a person) has said that there is something. */
  fetch(from) {
    if (!this.#isInside) return;
    this.#document?.fetch();
    if (this.#told === 0) this.#announce();
    this.#told ||= 1;
    this.#writer = from;
    clearTimeout(this.#writerTimer);
    this.#writerTimer = setTimeout(() => this.#forgetWriter(), WRITES_FOR);
    this.draw();
  }

  #forgetWriter() {
    this.#writer = "";
    this.draw();
  }

  /** Say that somebody has begun to write. */
  #announce() {
    if (!this.panel.isOpen) notice(this.words[`${this.kind}_begun`], 6);
  }

  /** Forget all, since the person leaves. */
  leave() {
    this.panel.toggle(false);
    this.#isInside = false;
    this.#document?.close();
    this.#document = null;
    this.#told = null;
    this.#writer = "";
    this.#rights = { may_write: false, may_direct: false, read_only: false };
    this.say("");
    this.draw();
  }

  async #open() {
    if (this.#document) return;
    const Y = await import("../vendor/yjs.js").catch(() => null);
    if (this.#document || !this.#isInside) return;
    if (!Y) return this.say("away");
    const on = {
      begun: (doc) => this.begin(Y, doc),
      rights: (answer) => this.#takeRights(answer),
      sent: () => this.#poke(),
      trouble: (word) => this.say(word),
    };
    this.#document = new SharedDocument(Y, (fields) => this.#ask({ document: this.kind, ...fields }), on, this.#people.count, this.#sendEvery);
    this.#document.fetch();
  }

  /** Show a new, empty document. */
  begin(Y, doc) {}

  #takeRights(answer) {
    this.#rights = answer;
    this.draw();
  }

  async #direct(act, value = "") {
    this.say((await this.#document?.direct(act, value)) ?? "");
    this.draw();
  }

  /** Clear the document. What cannot be taken back is pressed twice. */
  #clear() {
    const button = $(`${this.kind}-clear`);
    if (button.dataset.sure) {
      this.#disarm();
      this.#direct("clear");
    } else {
      button.dataset.sure = "yes";
      button.textContent = this.words.clear_sure;
    }
  }

  #disarm() {
    const button = $(`${this.kind}-clear`);
    delete button.dataset.sure;
    button.textContent = this.words.clear;
  }

  /** Say why something was not stored; "" takes it back. */
  say(word) {
    const text = word && (this.words[`shared_${word}`] ?? this.words.not_possible);
    if ($(`${this.kind}-error`).textContent === text) return;
    $(`${this.kind}-error`).textContent = text;
    $(`${this.kind}-error`).hidden = !text;
  }

  /** Draw what the person may do, and who writes. */
  draw() {
    const { may_write: mayWrite, may_direct: mayDirect, read_only: isReadOnly } = this.#rights;
    const name = this.#writer && this.#people.nameOf(this.#writer);
    const text = this.#document && !mayWrite ? this.words.shared_only_read : name ? filled(this.words.shared_writes, { name }) : "";
    if ($(`${this.kind}-state`).textContent !== text) $(`${this.kind}-state`).textContent = text;
    $(`${this.kind}-lead`).hidden = !mayDirect;
    $(`${this.kind}-read-only`).checked = isReadOnly;
  }

  /** Draw all in the language of the page. */
  redraw() {
    this.#disarm();
    this.draw();
  }
}
