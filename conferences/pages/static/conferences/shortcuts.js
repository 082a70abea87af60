// The shortcuts are single keys for what is done often; whoever is disturbed by them switches them off.

import { $, keep, recall } from "./page.js";

const TALK = " ";
const KEPT = "shortcuts";

/**
 * Listen for the keys.
 * @param {{[key: string]: () => void}} actions is what each key does
 * @param {(isHeld: boolean) => void} talk is called when the space bar is pressed and released
 */
export function listenForShortcuts(actions, talk) {
  let isTalking = false;
  const release = () => {
    if (isTalking) talk(false);
    isTalking = false;
  };
  $("shortcuts-on").checked = recall(KEPT, "on") === "on";
  $("shortcuts-on").addEventListener("change", () => keep(KEPT, $("shortcuts-on").checked ? "on" : "off"));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !isFree(event)) return;
    const key = event.key.toLowerCase();
    if (key === "?") return actions["?"]();
    if (!$("shortcuts-on").checked || $("bar").hidden) return;
    if (key === TALK) {
      event.preventDefault();
      if (!event.repeat) talk((isTalking = true));
    } else if (actions[key] && !event.repeat) {
      event.preventDefault();
      actions[key]();
    }
  });
  addEventListener("keyup", (event) => event.key === TALK && release());
  addEventListener("blur", release);
  // A button that was clicked keeps the focus, and the space bar would press it again.
  addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest(".bar button");
    if (event.detail && button instanceof HTMLElement) button.blur();
  });
}

/** Return whether a key means nothing where the focus is: no field, and for the space bar no button. */
function isFree({ target, key }) {
  if (document.querySelector("dialog[open]") || target.closest("input, select, textarea, [contenteditable]")) return false;
  return key !== TALK || !target.closest("button, a, summary");
}
