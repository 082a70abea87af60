// The device fields let a person choose camera, microphone and loudspeaker, and say why one is not there.

import { CAMERA, LOUDSPEAKER, LevelMeter, MICROPHONE } from "./devices.js";
import { $ } from "./page.js";

const KINDS = [CAMERA, MICROPHONE, LOUDSPEAKER];
/** Why there is no camera or microphone, by the name of the browser's error; the first that occurred counts. */
const REASONS = [
  ["NotAllowedError", "not_allowed"],
  ["NotReadableError", "in_use"],
  ["NotFoundError", "no_devices"],
];
const CHOOSES_LOUDSPEAKER = "setSinkId" in HTMLMediaElement.prototype;

/** Return the name of the text that says how to allow a device in this browser. */
function howToAllow(agent = navigator.userAgent) {
  if (/iPhone|iPad/.test(agent)) return "allow_ios";
  if (/Firefox/.test(agent)) return "allow_firefox";
  return /Chrom/.test(agent) ? "allow_chrome" : "allow_safari";
}

export class DeviceFields {
  /** @param devices are the `Devices`; @param words the texts of the page */
  constructor(devices, words) {
    this.#devices = devices;
    this.#words = words;
    this.#meter = new LevelMeter($("level"));
    for (const kind of KINDS) {
      $(kind).addEventListener("change", () => {
        devices.choose(kind, $(kind).value);
        if (kind === LOUDSPEAKER) this.useLoudspeaker();
      });
    }
    $("loudspeaker-field").hidden = !CHOOSES_LOUDSPEAKER;
    $("loudspeaker-try").addEventListener("click", () => this.#beep());
    this.useLoudspeaker();
  }
  #devices;
  #words;
  #meter;

  /** Draw the lists of devices, and what the page says about them. */
  draw() {
    const { present, chosen, tracks } = this.#devices;
    for (const kind of KINDS) {
      const used = tracks[kind]?.getSettings().deviceId ?? chosen[kind] ?? "";
      const options = present[kind].map(({ id, label }, index) =>
        new Option(label || `${this.#words[kind]} ${index + 1}`, id, false, id === used));
      $(kind).replaceChildren(...(options.length ? options : [new Option(this.#words.none)]));
      $(kind).disabled = !options.length;
    }
    this.#drawState();
    this.meter();
  }

  /** Show whether microphone and camera are ready, or why not and what to do, and the own picture. */
  #drawState() {
    const { tracks, problems, wanted } = this.#devices;
    const { [CAMERA]: camera, [MICROPHONE]: microphone } = tracks;
    const missing = [MICROPHONE, CAMERA].filter((kind) => wanted[kind] && !tracks[kind]);
    const errors = new Set(missing.map((kind) => problems[kind]));
    const reason = missing.length ? (REASONS.find(([name]) => errors.has(name))?.[1] ?? "no_devices") : "";
    const ready = camera ? (microphone ? "both_ready" : "camera_ready") : microphone ? "microphone_ready" : "";
    const isDenied = reason === "not_allowed";
    $("devices").textContent = ready ? this.#words[ready] : reason ? this.#words[reason] : "";
    $("devices-how").textContent = isDenied ? this.#words[howToAllow()] : "";
    $("devices-how").hidden = !isDenied;
    $("devices-again").hidden = !reason;
    $("preview-video").hidden = !camera;
    $("preview-text").textContent = camera ? "" : this.#words.initials;
    if (camera && $("preview-video").srcObject?.getVideoTracks()[0] !== camera) $("preview-video").srcObject = new MediaStream([camera]);
  }

  /** Show the level of the microphone while somebody can see it. */
  meter(isSeen = $("level").checkVisibility?.() ?? true) {
    this.#meter.listen(isSeen ? this.#devices.tracks[MICROPHONE] : null);
  }

  /** Play the conference on the chosen loudspeaker. */
  useLoudspeaker(element = $("mix")) {
    const id = this.#devices.chosen[LOUDSPEAKER];
    if (CHOOSES_LOUDSPEAKER && id !== undefined) element.setSinkId(id).catch((why) => console.warn(why));
  }

  /** Play two notes on the chosen loudspeaker. */
  async #beep() {
    const context = new AudioContext();
    const heard = context.createMediaStreamDestination();
    const element = new Audio();
    element.srcObject = heard.stream;
    this.useLoudspeaker(element);
    const volume = new GainNode(context, { gain: 0.2 });
    volume.connect(heard);
    for (const [index, frequency] of [523, 784].entries()) {
      const note = new OscillatorNode(context, { frequency });
      note.connect(volume);
      note.start(context.currentTime + 0.1 + index * 0.25);
      note.stop(context.currentTime + 0.3 + index * 0.25);
    }
    await element.play().catch(() => {});
    setTimeout(() => context.close(), 1500);
  }
}
