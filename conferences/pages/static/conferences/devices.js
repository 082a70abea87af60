// The devices are the camera, microphone and loudspeaker that a person has chosen; the choice is kept in the browser.

import { keep, recall } from "./page.js";

export const MICROPHONE = "microphone", CAMERA = "camera", LOUDSPEAKER = "loudspeaker";
const KIND_OF = { audioinput: MICROPHONE, videoinput: CAMERA, audiooutput: LOUDSPEAKER };
const KEPT = "devices";

/** @typedef {{id: string, label: string}} Device */

/** Return what the browser keeps of the choice: kind -> id of the device. */
function keptChoice() {
  try {
    return Object(JSON.parse(recall(KEPT, "{}")));
  } catch {
    return {};
  }
}

export class Devices {
  /**
   * @param tell is told `changed(kind)` when another track, or none, is used; `list()` when devices came or went;
   *   `unplugged(kind, label, instead)` when the device in use is gone (`instead`: the name of the one in its place, or "")
   */
  constructor(tell) {
    this.#tell = tell;
    this.chosen = keptChoice();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#follow());
    this.#watchPermissions();
  }
  #tell;
  /** The tracks in use. @type {{[kind: string]: MediaStreamTrack | null}} */
  tracks = { [MICROPHONE]: null, [CAMERA]: null };
  /** Whether the person wants the device. */
  wanted = { [MICROPHONE]: true, [CAMERA]: true };
  /** Why a device is not there: the name of the browser's error, or "". */
  problems = { [MICROPHONE]: "", [CAMERA]: "" };
  /** The devices that there are, by kind. @type {{[kind: string]: Device[]}} */
  present = { [MICROPHONE]: [], [CAMERA]: [], [LOUDSPEAKER]: [] };
  /** Devices are opened one after the other. */
  #work = Promise.resolve();

  /** Open camera and microphone as they are wanted; at once, so that the browser asks once. */
  open() {
    return this.#after(async () => {
      const kinds = [MICROPHONE, CAMERA].filter((kind) => this.wanted[kind] && !this.tracks[kind]);
      if (kinds.length > 1 && !(await this.#capture(kinds))) return this.#list();
      for (const kind of kinds) if (!this.tracks[kind]) await this.#capture([kind]);
      await this.#list();
    });
  }

  /** Use another device; the loudspeaker is chosen by the page, as it has the sound. */
  choose(kind, id) {
    this.chosen = { ...this.chosen, [kind]: id };
    keep(KEPT, JSON.stringify(this.chosen));
    if (kind === LOUDSPEAKER || !this.wanted[kind]) return this.#tell("changed", kind);
    return this.#after(() => this.#replace(kind));
  }

  /** Switch a device on or off; its light goes out. */
  want(kind, value) {
    this.wanted[kind] = value;
    return this.#after(async () => {
      if (this.wanted[kind] === Boolean(this.tracks[kind])) return;
      if (!this.wanted[kind]) this.#close(kind);
      else await this.#capture([kind]);
      this.#tell("changed", kind);
      await this.#list();
    });
  }

  /** Give all devices back, so that their lights go out. */
  release() {
    return this.#after(() => [MICROPHONE, CAMERA].forEach((kind) => this.#close(kind)));
  }

  /** Run a step after those that were begun before; an error is logged, and the next step runs. */
  #after(step) {
    this.#work = this.#work.then(step).catch((why) => console.warn(why));
    return this.#work;
  }

  /** Open devices; returns whether one may still be tried alone (`false`: all are there). */
  async #capture(kinds) {
    const of = (kind, more) => kinds.includes(kind) && { ...more, ...(this.chosen[kind] && { deviceId: this.chosen[kind] }) };
    const audio = of(MICROPHONE, { echoCancellation: true, noiseSuppression: true, autoGainControl: true });
    const video = of(CAMERA, { width: 640, height: 360 });
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio, video });
      for (const track of stream.getTracks()) this.#use(track.kind === "audio" ? MICROPHONE : CAMERA, track);
      return false;
    } catch (error) {
      for (const kind of kinds) this.problems[kind] = error.name;
      return true;
    }
  }

  /** Use a track as microphone or camera; when its device is unplugged, look for another. */
  #use(kind, track) {
    this.tracks[kind] = track;
    this.problems[kind] = "";
    track.addEventListener("ended", () => this.tracks[kind] === track && this.#follow());
  }

  /** Give the microphone or camera back. */
  #close(kind) {
    const track = this.tracks[kind];
    this.tracks[kind] = null;
    track?.stop();
  }

  /** Change to the chosen microphone or camera. */
  async #replace(kind) {
    const before = this.tracks[kind];
    this.tracks[kind] = null;
    // Some cameras and systems give a device away once only.
    before?.stop();
    await this.#capture([kind]);
    this.#tell("changed", kind);
    await this.#list();
  }

  /** Read which devices the browser has. */
  async #list() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    for (const kind of Object.values(KIND_OF)) {
      const ofKind = all.filter((device) => KIND_OF[device.kind] === kind && device.deviceId);
      this.present[kind] = ofKind.map(({ deviceId, label }) => ({ id: deviceId, label }));
    }
    this.#tell("list");
  }

  /** Follow devices that were plugged in or out: the one in use is replaced, the chosen one is taken when it is there. */
  #follow() {
    return this.#after(async () => {
      await this.#list();
      for (const kind of [MICROPHONE, CAMERA]) {
        if (!this.wanted[kind] || this.problems[kind] === "NotAllowedError") continue;
        const track = this.tracks[kind];
        const isThere = (id) => this.present[kind].some((device) => device.id === id);
        const used = track?.getSettings().deviceId;
        const isGone = track && (track.readyState === "ended" || (used && !isThere(used)));
        const isBack = this.chosen[kind] && used !== this.chosen[kind] && isThere(this.chosen[kind]);
        if (!isGone && !isBack && (track || !this.present[kind].length)) continue;
        await this.#replace(kind);
        if (isGone) this.#tell("unplugged", kind, track.label, this.tracks[kind]?.label ?? "");
      }
    });
  }

  /** Try again by itself once the person has allowed a device in the browser's settings. */
  async #watchPermissions() {
    for (const kind of [MICROPHONE, CAMERA]) {
      const name = /** @type {PermissionName} */ (kind);
      const permission = await navigator.permissions?.query({ name }).catch(() => null);
      permission?.addEventListener("change", async () => {
        if (permission.state !== "granted" || this.tracks[kind] || !this.wanted[kind]) return;
        await this.open();
        this.#tell("changed", kind);
      });
    }
  }
}

/** A level meter shows how loud a microphone is. */
export class LevelMeter {
  /** @param {HTMLMeterElement} meter shows values from 0 to 1 */
  constructor(meter) {
    this.#meter = meter;
  }
  #meter;
  #context = null;
  #source = null;
  #timer = 0;

  /** Show the level of this track from now on; `null` stops that. */
  listen(track) {
    this.#source?.disconnect();
    this.#source = null;
    clearInterval(this.#timer);
    this.#meter.value = 0;
    if (!track) return this.#context?.suspend();
    this.#context ??= new AudioContext();
    this.#context.resume();
    const ear = this.#context.createAnalyser();
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(ear);
    const heard = new Float32Array(ear.fftSize);
    this.#timer = setInterval(() => {
      ear.getFloatTimeDomainData(heard);
      const loudness = Math.sqrt(heard.reduce((sum, value) => sum + value * value, 0) / heard.length);
      // From -60 dB, which is silence, to 0 dB.
      this.#meter.value = Math.max(0, Math.min(1, 1 + Math.log10(loudness || 1e-6) / 3));
    }, 100);
  }
}
