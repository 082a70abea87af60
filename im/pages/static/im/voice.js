// A voice message, recorded until it is sent or discarded.

import { minutes } from "./page.js";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const LONGEST = 10 * 60 * 1000;

export class Voice {
  #recorder = null;
  #pieces = [];
  #timer = 0;

  /** Whether a message is being recorded. */
  get isOn() {
    return this.#recorder !== null;
  }

  /** Start recording; `tell(time)` is called each half second. Throws if there is no microphone. */
  async begin(tell) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    this.#pieces = [];
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32000 });
    this.#recorder.ondataavailable = ({ data }) => this.#pieces.push(data);
    this.#recorder.start(1000);
    const began = Date.now();
    this.#timer = setInterval(() => {
      tell(minutes(Date.now() - began));
      if (Date.now() - began > LONGEST) this.#recorder?.pause();
    }, 500);
  }

  /** Stop recording and return the sound. */
  end() {
    const recorder = this.#recorder;
    return new Promise((done) => {
      recorder.onstop = () => {
        for (const track of recorder.stream.getTracks()) track.stop();
        done(new Blob(this.#pieces, { type: recorder.mimeType }));
      };
      clearInterval(this.#timer);
      this.#recorder = null;
      recorder.stop();
    });
  }
}
