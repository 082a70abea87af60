// Panels stand beside the pictures, on a phone above them: the chat, and what else people do together. One is open at a time.

import { $ } from "./page.js";

/** @type {Panel | null} */
let open = null;

export class Panel {
  /** @param {string} id of its element; `<id>-open` and `<id>-close` are its buttons. @param {() => void} shown is called when it opens */
  constructor(id, shown = () => {}) {
    this.element = $(id);
    this.button = $(`${id}-open`);
    this.#shown = shown;
    this.button.addEventListener("click", () => this.toggle());
    $(`${id}-close`).addEventListener("click", () => this.toggle(false));
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.toggle(false));
  }
  #shown;

  /** Whether the panel is shown. */
  get isOpen() {
    return !this.element.hidden;
  }

  /** Open or close it. The focus goes to its first field, and back to its button. */
  toggle(opens = !this.isOpen) {
    if (opens === this.isOpen || (opens && this.button.hidden)) return;
    if (opens && open) open.toggle(false);
    open = opens ? this : null;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = !opens;
    this.button.setAttribute("aria-expanded", String(opens));
    $("more").hidePopover?.();
    if (opens) this.#shown();
    if (opens) this.#focusFirst();
    // The button may lie in the menu that is closed now.
    else if (hadFocus) (this.button.checkVisibility() ? this.button : $("more-open")).focus();
  }

  /** Put the focus on what has `data-first`, or else on the first field that can take it: so keys, Escape too, belong to the panel. */
  #focusFirst() {
    const fields = ["[data-first]", "textarea, input:not(:disabled)", "summary, button"].flatMap((kind) => [...this.element.querySelectorAll(kind)]);
    fields.find((field) => field.checkVisibility())?.focus();
  }
}
