// The whiteboard of the call: what is drawn lies in a map of the shared document, each element under a key of its own.

import { LONGEST_TEXT, nodeOf, pngOf, read, written } from "./board_elements.js";
import { BoardView } from "./board_view.js";
import { $, randomId, saveFile } from "./page.js";
import { OWN } from "./shared_document.js";
import { SharedPanel } from "./shared_panel.js";

const SEND_EVERY = 150;
/** Milliseconds after which what was drawn so far is shown to the others, while the pen is still down. */
const SHOWN_AFTER = 150;
/** A long line of the pen consists of elements of so many points, and of so many elements at most. */
const POINTS = 100;
const MOST_PARTS = 60;
/** Pixels around the eraser in which it rubs out. */
const ERASED = [[0, 0], [6, 0], [-6, 0], [0, 6], [0, -6]];
/** The keys of what is drawn in one go are alike up to this. */
const PART = ".";
const groupOf = (key) => key.split(PART, 1)[0];

export class BoardPanel extends SharedPanel {
  constructor(words, ask, poke, people) {
    super("board", words, ask, poke, people, SEND_EVERY);
    this.#view = new BoardView(this.#svg);
    $("board-tools").addEventListener("click", ({ target }) => this.#press(target.closest("button")?.dataset ?? {}));
    $("board-text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.#place(this.#view.middle);
    });
    this.#svg.addEventListener("pointerdown", (event) => this.#down(event));
    this.#svg.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of ["pointerup", "pointercancel"]) this.#svg.addEventListener(kind, () => this.#up());
    this.#svg.addEventListener("keydown", (event) => this.#view.moveByKey(event.key) && event.preventDefault());
    this.panel.element.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.matches("input")) return;
      event.preventDefault();
      this.#undo();
    });
    this.#choose();
  }
  #view;
  #elements = null;
  #undone = null;
  #nodes = new Map();
  #tool = "pen";
  #colour = 0;
  /** What is being drawn; null while the pointer is up. */
  #stroke = null;

  get #svg() {
    return $("board-picture");
  }

  begin(Y, doc) {
    this.#end();
    this.#elements = doc.getMap("board");
    // What belongs to one step is said by `stopCapturing`, not by the time.
    this.#undone = new Y.UndoManager(this.#elements, { trackedOrigins: new Set([OWN]), captureTimeout: Infinity });
    this.#elements.observe(({ keysChanged }) => {
      for (const key of keysChanged) this.#show(key);
      this.draw();
    });
    this.#empty();
  }

  leave() {
    this.#end();
    super.leave();
    this.#elements = this.#undone = null;
    this.#empty();
    this.#view.fit();
  }

  #empty() {
    this.#nodes.clear();
    $("board-elements").replaceChildren();
    $("board-draft").replaceChildren();
  }

  /** Show an element as it is now, above those that are older by their keys. */
  #show(key) {
    this.#nodes.get(key)?.remove();
    this.#nodes.delete(key);
    const element = read(this.#elements.get(key));
    if (!element) return;
    const node = nodeOf(element);
    node.dataset.key = key;
    this.#nodes.set(key, node);
    const layer = $("board-elements");
    let after = layer.lastElementChild;
    while (after && after.dataset.key > key) after = after.previousElementSibling;
    layer.insertBefore(node, after ? after.nextElementSibling : layer.firstElementChild);
  }

  draw() {
    super.draw();
    this.panel.element.classList.toggle("only-read", !this.mayWrite);
    $("board-undo").disabled = !this.mayWrite || !this.#undone?.canUndo();
  }

  #press({ tool, colour, act }) {
    if (this.#stroke) return; // Another finger presses a button.
    if (tool) this.#tool = tool;
    if (colour) this.#colour = Number(colour);
    this.#choose();
    if (tool === "text") $("board-text").focus();
    if (act === "undo") this.#undo();
    if (act === "fit") this.#view.fit();
    if (act === "closer" || act === "further") this.#view.zoom(act === "closer");
    if (act === "save") pngOf(this.#svg).then((png) => png && saveFile(png, "whiteboard.png"));
  }

  #choose() {
    for (const button of $("board-tools").querySelectorAll("button[aria-pressed]")) {
      const { tool, colour } = button.dataset;
      button.setAttribute("aria-pressed", String(tool ? tool === this.#tool : Number(colour) === this.#colour));
    }
    $("board-text-field").hidden = this.#tool !== "text";
  }

  #undo() {
    this.#undone?.undo();
    this.draw();
  }

  // ---- drawing -------------------------------------------------------------------------------

  #down(event) {
    if (!event.isPrimary || event.button || !this.#elements) return;
    const point = this.#view.pointOf(event);
    if (this.#tool === "move") this.#stroke = { from: [event.clientX, event.clientY] };
    else if (!this.mayWrite) return;
    else if (this.#tool === "text") return this.#place(point);
    else if (this.#tool === "eraser") this.#stroke = { erases: true };
    else this.#stroke = { key: this.#newKey(), part: 0, points: point };
    this.#svg.setPointerCapture(event.pointerId);
    this.#undone.stopCapturing();
    if (this.#tool === "eraser") this.#erase(event);
    if (this.#tool === "pen") this.#stroke.timer = setInterval(() => this.#keepPart(), SHOWN_AFTER);
    this.#draft();
  }

  #move(event) {
    const stroke = this.#stroke;
    if (!stroke) return;
    const point = this.#view.pointOf(event);
    if (stroke.from) return this.#drag(event);
    if (stroke.erases) return this.#erase(event);
    if (this.#tool !== "pen") stroke.points = [...stroke.points.slice(0, 2), ...point];
    else {
      stroke.points.push(...point);
      if (stroke.points.length >= 2 * POINTS) this.#keepPart();
    }
    this.#draft();
  }

  #up() {
    const stroke = this.#stroke;
    if (!stroke) return;
    if (stroke.key && this.#tool === "pen") this.#keepPart(true);
    else if (stroke.key && stroke.points.length === 4) this.#keep(stroke.key, stroke.points);
    this.#end();
  }

  /** Forget what is being drawn. */
  #end() {
    clearInterval(this.#stroke?.timer);
    this.#stroke = null;
    this.#draft();
  }

  /** Show what is drawn and not kept yet. */
  #draft() {
    const { key, points } = this.#stroke ?? {};
    const isShown = key && (this.#tool === "pen" || points.length === 4);
    $("board-draft").replaceChildren(...(isShown ? [nodeOf(this.#element(points))] : []));
  }

  #drag({ clientX, clientY }) {
    const [x, y] = this.#stroke.from;
    const scale = this.#svg.getScreenCTM().a;
    this.#view.move((x - clientX) / scale, (y - clientY) / scale);
    this.#stroke.from = [clientX, clientY];
  }

  /** Keep a part of the pen's line; the next one begins where it ends. */
  #keepPart(isLast = false) {
    const stroke = this.#stroke;
    if (!stroke || (stroke.points.length < 4 && (!isLast || stroke.part))) return;
    this.#keep(stroke.key + PART + String(stroke.part).padStart(2, "0"), stroke.points);
    stroke.points = stroke.points.slice(-2);
    if (++stroke.part < MOST_PARTS) return;
    this.#undone.stopCapturing();
    Object.assign(stroke, { key: this.#newKey(), part: 0 });
  }

  /** Return a key that is greater than those of older elements, as far as the clocks agree. */
  #newKey() {
    return Date.now().toString(36).padStart(9, "0") + randomId(4);
  }

  #element(points, label) {
    return { t: this.#tool, c: this.#colour, w: Number($("board-width").value), p: points, ...(label && { s: label }) };
  }

  #keep(key, points, label) {
    if (this.mayWrite) this.#elements.doc.transact(() => this.#elements.set(key, written(this.#element(points, label))), OWN);
  }

  /** Put the typed text on the board. */
  #place(point) {
    const text = $("board-text").value.trim().slice(0, LONGEST_TEXT);
    if (!text || !this.#elements) return $("board-text").focus();
    this.#undone.stopCapturing();
    this.#keep(this.#newKey(), point, text);
    $("board-text").value = "";
  }

  /** Rub out all that was drawn in one go with what lies under the pointer. */
  #erase({ clientX, clientY }) {
    for (const [right, down] of ERASED) {
      const key = document.elementFromPoint(clientX + right, clientY + down)?.closest?.("#board-elements > *")?.dataset.key;
      if (!key) continue;
      const keys = [...this.#elements.keys()].filter((other) => groupOf(other) === groupOf(key));
      this.#undone.stopCapturing();
      this.#elements.doc.transact(() => keys.forEach((other) => this.#elements.delete(other)), OWN);
    }
  }
}
