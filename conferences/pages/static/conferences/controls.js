// The controls are the buttons of the page, and the dialogs that they open.

import { CAMERA, MICROPHONE } from "./devices.js";
import { $ } from "./page.js";

/**
 * Draw the buttons of microphone, camera and sharing, before the entry and in the call.
 * @param {{[name: string]: string}} words are the texts of the page
 * @param {{devices: import("./devices.js").Devices, isMuted: boolean, mayTalk: boolean, isSharing: boolean}} state
 */
export function drawControls(words, state) {
  const { isMuted, mayTalk, isSharing, devices: { tracks, present, wanted } } = state;
  const hasMicrophone = Boolean(tracks[MICROPHONE]);
  const hasCamera = Boolean(tracks[CAMERA] || present[CAMERA].length || !wanted[CAMERA]);
  const isSilent = isMuted || !hasMicrophone;
  drawSwitch("mic", hasMicrophone, isSilent, hasMicrophone ? (isSilent ? words.unmute : words.mute) : words.no_microphone);
  drawSwitch("cam", hasCamera, !tracks[CAMERA], hasCamera ? (tracks[CAMERA] ? words.camera_off : words.camera_on) : words.no_camera);
  const isHeld = hasMicrophone && isSilent && !mayTalk;
  if (isHeld) $("mic").disabled = true;
  $("mic").title = isHeld ? words.held : "";
  $("share").setAttribute("aria-pressed", String(isSharing));
  $("share").lastElementChild.textContent = isSharing ? words.share_stop : words.share;
  $("sharing").hidden = !isSharing;
}

/** Draw a switch of a device, which stands on the entry form and in the bar. */
function drawSwitch(name, isUsable, isOff, text) {
  for (const button of [$(name), $(`enter-${name}`)]) {
    button.disabled = !isUsable;
    button.setAttribute("aria-pressed", String(isOff));
    button.lastElementChild.textContent = text;
  }
  $(`enter-${name}`).title = text;
}

/** Open a dialog, instead of the menu that has its button. */
export function openDialog(id) {
  if (document.querySelector("dialog[open]")) return;
  $("more").hidePopover?.();
  $(id).showModal();
}

/** Close what is open in front of the page. */
export function closeDialogs() {
  $("more").hidePopover?.();
  for (const dialog of document.querySelectorAll("dialog[open]")) /** @type {HTMLDialogElement} */ (dialog).close();
}

/** Let the buttons of the menu open its dialogs; `fields` are shown in that of the settings. */
export function prepareDialogs(fields) {
  for (const id of ["settings", "help"]) $(`${id}-open`).addEventListener("click", () => openDialog(id));
  $("steer").addEventListener("click", () => openDialog("steering"));
  // The level of the microphone is measured only while it can be seen.
  new MutationObserver(() => $("settings").open ? fields.draw() : fields.meter(false)).observe($("settings"), { attributeFilter: ["open"] });
  for (const id of ["full", "pip"]) $(id).addEventListener("click", () => $("more").hidePopover?.());
}
