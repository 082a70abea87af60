// The shared notes of the call: a text that all edit together.

import { $, saveFile } from "./page.js";
import { OWN } from "./shared_document.js";
import { SharedPanel } from "./shared_panel.js";
import { difference, moved, partsOf } from "./text_changes.js";

const SEND_EVERY = 300;
/** Characters that are written at once, so that a pasted text becomes updates that the platform takes. */
const MOST_AT_ONCE = 8000;

export class NotesPanel extends SharedPanel {
  constructor(words, ask, poke, people) {
    super("notes", words, ask, poke, people, SEND_EVERY);
    this.#field.addEventListener("input", () => this.#write());
    this.#field.addEventListener("compositionstart", () => (this.#isComposing = true));
    this.#field.addEventListener("compositionend", () => {
      this.#isComposing = false;
      this.#show();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      if (this.mayWrite) event.shiftKey ? this.#undone?.redo() : this.#undone?.undo();
    });
    $("notes-save").addEventListener("click", () => saveFile(new Blob([this.#field.value], { type: "text/plain" }), "notes.txt"));
  }
  #text = null;
  #undone = null;
  /** The text that the field shows, and what others have changed since, while a word is being composed in it. */
  #shown = "";
  #missed = [];
  #isComposing = false;

  get #field() {
    return $("notes-text");
  }

  begin(Y, doc) {
    this.#text = doc.getText("notes");
    this.#undone = new Y.UndoManager(this.#text, { trackedOrigins: new Set([OWN]) });
    this.#missed = [];
    this.#text.observe(({ delta, transaction }) => {
      if (transaction.origin === OWN) return;
      this.#missed.push(delta);
      if (!this.#isComposing) this.#show();
    });
    this.#field.value = this.#shown = "";
  }

  leave() {
    super.leave();
    this.#text = this.#undone = null;
    this.#field.value = this.#shown = "";
  }

  draw() {
    super.draw();
    this.#field.readOnly = !this.mayWrite;
  }

  /** Write what the person has changed in the field. */
  #write() {
    if (!this.#text || !this.mayWrite) return this.#show();
    const value = this.#field.value;
    const change = difference(this.#shown, value);
    let start = this.#missed.reduce(moved, change.start);
    const end = this.#missed.reduce(moved, change.end);
    this.#shown = value;
    if (end > start) this.#text.doc.transact(() => this.#text.delete(start, end - start), OWN);
    for (const part of partsOf(change.inserted, MOST_AT_ONCE)) {
      const at = start;
      this.#text.doc.transact(() => this.#text.insert(at, part), OWN);
      start += part.length;
    }
    if (!this.#isComposing) this.#show();
  }

  /** Show the text; the selection stays on the same characters. */
  #show() {
    const field = this.#field;
    const text = this.#text?.toString() ?? "";
    const missed = this.#missed;
    this.#missed = [];
    this.#shown = text;
    if (field.value === text) return;
    const [start, end, top] = [field.selectionStart, field.selectionEnd, field.scrollTop];
    field.value = text;
    field.setSelectionRange(missed.reduce(moved, start), missed.reduce(moved, end));
    field.scrollTop = top;
  }
}
