// The tones of a call: made by the browser, so that no file has to be loaded before a call can be heard.

/** Pairs of frequencies in Hz, and for how many seconds a tone lasts and pauses. */
export const INCOMING = { tones: [587, 784], on: 0.8, off: 1.2 };
export const OUTGOING = { tones: [425], on: 1, off: 3 };

let context = null;

/** Browsers let a page sound only once the person has touched it: from then on it may. */
function wake() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume().catch(() => {});
}
for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, wake, { capture: true });

export class RingTone {
  /** `tones`: frequencies in Hz; `on`, `off`: seconds of sound and of silence. */
  constructor({ tones, on, off }) {
    this.#tones = tones;
    this.#on = on;
    this.#off = off;
  }
  #tones;
  #on;
  #off;
  #timer = 0;
  #playing = [];

  /** Ring, and vibrate, until `stop`. */
  start() {
    if (this.#timer) return;
    wake();
    this.#ring();
    this.#timer = setInterval(() => this.#ring(), (this.#on + this.#off) * 1000);
    navigator.vibrate?.([400, 200, 400]);
  }

  /** Stop ringing. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    for (const tone of this.#playing.splice(0)) tone.stop();
  }

  /** Play the tones once. */
  #ring() {
    if (context.state !== "running") return;
    const loudness = context.createGain();
    const now = context.currentTime;
    loudness.gain.setValueAtTime(0, now);
    loudness.gain.linearRampToValueAtTime(0.12, now + 0.03);
    loudness.gain.setValueAtTime(0.12, now + this.#on - 0.05);
    loudness.gain.linearRampToValueAtTime(0, now + this.#on);
    loudness.connect(context.destination);
    this.#playing = this.#tones.map((frequency) => {
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(loudness);
      tone.start(now);
      tone.stop(now + this.#on);
      return tone;
    });
  }
}
