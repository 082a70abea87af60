// The own media are what this page sends: microphone, camera and screen, and whether the person is muted.

import { drawControls, openDialog } from "./controls.js";
import { CAMERA, Devices, MICROPHONE } from "./devices.js";
import { DeviceFields } from "./device_fields.js";
import { $, filled, notice } from "./page.js";
import { Sharing } from "./sharing.js";
import { LineWatch } from "./statistics.js";

/**
 * @typedef {object} Stay is what the page knows of the stay in the conference
 * @property {() => (import("./call.js").Call | null)} call returns the call, or null
 * @property {() => boolean} isInside says whether the person has entered
 * @property {() => boolean} mayTalk says whether the chair lets the person open the microphone
 * @property {() => boolean} mayShare says whether the chair lets the person share a screen
 * @property {() => void} drawn is called after each change, when the buttons are drawn
 * @property {() => void} enterAnew is called when the call cannot take up sound as it is
 */

export class OwnMedia {
  /** @param words are the texts of the page; @param {Stay} stay */
  constructor(words, stay) {
    this.#words = words;
    this.#stay = stay;
    this.devices = new Devices((event, ...facts) => this.#ofDevices[event](...facts));
    this.fields = new DeviceFields(this.devices, words);
    this.line = new LineWatch(words, () => stay.call()?.connections() ?? null, () => this.use());
    this.#sharing = new Sharing(() => this.#showSharing());
    $("asked-yes").addEventListener("click", () => this.toggleMicrophone(false));
    for (const name of ["mic", "enter-mic"]) $(name).addEventListener("click", () => this.toggleMicrophone());
    for (const name of ["cam", "enter-cam"]) $(name).addEventListener("click", () => this.toggleCamera());
    for (const name of ["share", "share-stop"]) $(name).addEventListener("click", () => this.toggleSharing());
    $("share").hidden = !Sharing.isPossible;
  }
  #words;
  #stay;
  #sharing;
  /** What the mixer said last, or was told last: whether this person is muted. */
  #mixerMutes = false;
  /** Whether the microphone is open only as long as a key is held. */
  #isHeldOpen = false;
  /** What is sent: the sound (`isShared`: with that of a screen), the pictures, and whether the person is muted. */
  sent = { audio: null, video: null, screen: null, muted: false, isShared: false };
  /** Settled when camera and microphone were found or refused; pending while the person decides. */
  opening = Promise.resolve();

  #ofDevices = {
    changed: () => this.use(),
    list: () => this.fields.draw(),
    unplugged: (kind, label, instead) =>
      notice(filled(instead ? this.#words.replaced : this.#words.unplugged, { device: label || this.#words[kind], instead })),
  };

  /** Find camera and microphone, those that are wanted. */
  async open() {
    this.opening = this.devices.open();
    await this.opening;
    await this.use();
  }

  /** Give devices and screen back: the person has left. */
  release() {
    this.#sharing.stop();
    this.devices.release();
  }

  /** Send what camera, microphone and screen give now. */
  async use() {
    const { [MICROPHONE]: microphone, [CAMERA]: camera } = this.devices.tracks;
    const { sent } = this;
    if (microphone) microphone.enabled = !sent.muted;
    const before = sent.audio;
    sent.audio = this.#sharing.soundWith(microphone);
    sent.isShared = this.#sharing.hasSound;
    sent.video = this.line.isSoundOnly ? null : camera;
    sent.screen = this.#sharing.track;
    const call = this.#stay.call();
    if (call && before !== sent.audio && !(await call.speakWith(sent.audio))) this.#stay.enterAnew();
    call?.show();
    this.#tellMixer();
    this.draw();
  }

  /** Draw the buttons; stop a shared screen that may not be shared any more, which draws them by itself. */
  draw() {
    if (this.#sharing.track && !this.#mayShare) {
      notice(this.#words.share_held);
      return this.#sharing.stop();
    }
    const mayTalk = !this.#stay.isInside() || this.#stay.mayTalk();
    drawControls(this.#words, { devices: this.devices, isMuted: this.sent.muted, mayTalk, isSharing: Boolean(this.#sharing.track) });
    this.#stay.drawn();
  }

  /** Whether the person may share a screen now; before entering nobody is kept from choosing one. */
  get #mayShare() {
    return !this.#stay.isInside() || this.#stay.mayShare();
  }

  /** Whether nobody hears this person's voice: muted, or without a microphone. */
  get isSilent() {
    return this.sent.muted || !this.devices.tracks[MICROPHONE];
  }

  /** Mute or unmute the microphone of this page. */
  #setMuted(value) {
    this.sent.muted = value;
    const microphone = this.devices.tracks[MICROPHONE];
    if (microphone) microphone.enabled = !value;
    if (!value) $("asked").hidden = true;
    this.draw();
  }

  /** Note how the mixer was told to begin, at the entry. */
  entered(call) {
    this.#mixerMutes = call.isSilent;
    this.line.reset();
  }

  /** Take over what the mixer says: the chair has muted this person, or let him speak. */
  hearMixer(isMuted) {
    if (!this.sent.audio || isMuted === this.#mixerMutes) return;
    this.#mixerMutes = isMuted;
    this.#setMuted(isMuted);
    notice(isMuted ? this.#words.muted_by_chair : this.#words.unmuted);
  }

  /** Tell the mixer whether this person is heard, if it does not know. */
  #tellMixer() {
    const call = this.#stay.call();
    if (!call || this.#mixerMutes === call.isSilent) return;
    this.#mixerMutes = call.isSilent;
    call.mute();
  }

  /** Mute or unmute, if that is possible now. */
  toggleMicrophone(value = !this.sent.muted) {
    const isHeld = !value && this.#stay.isInside() && !this.#stay.mayTalk();
    if (!this.devices.tracks[MICROPHONE] || value === this.sent.muted || isHeld) return;
    this.#setMuted(value);
    this.#tellMixer();
  }

  /** Switch the camera on or off; open the settings if the browser gives none. */
  async toggleCamera() {
    const { devices } = this;
    await devices.want(CAMERA, !devices.wanted[CAMERA] || Boolean(devices.problems[CAMERA]));
    if (this.#stay.isInside() && devices.wanted[CAMERA] && devices.problems[CAMERA]) openDialog("settings");
  }

  /** Open the microphone while a key is held. */
  talkWhileHeld(isHeld) {
    if (isHeld ? !this.sent.muted : !this.#isHeldOpen) return;
    this.toggleMicrophone(!isHeld);
    this.#isHeldOpen = isHeld && !this.sent.muted;
  }

  /** Start or stop sharing the screen. */
  toggleSharing() {
    if (!Sharing.isPossible) return;
    if (this.#sharing.track) this.#sharing.stop();
    else if (!this.#mayShare) notice(this.#words.share_held);
    else this.#sharing.start().catch(() => notice(this.#words.not_shared));
  }

  /** Send the shared screen that has begun or ended; stop it if the person is not inside. */
  #showSharing() {
    if (this.#stay.isInside() || !this.#sharing.track) this.use();
    else this.#sharing.stop();
  }
}
