// Sharing shows a screen, window or tab to everybody, with its sound where the browser gives it.

/** Pictures of a screen in a second: enough to scroll, and little to send. */
const PICTURES_A_SECOND = 15;

export class Sharing {
  /** @param {() => void} changed is called when sharing begins or ends, also by the browser's own button */
  constructor(changed) {
    this.#changed = changed;
  }
  #changed;
  #stream = null;
  #context = null;
  #mixed = null;
  #microphone = null;

  /** Whether this browser can share; those of phones cannot. */
  static isPossible = Boolean(navigator.mediaDevices?.getDisplayMedia);

  /** The picture that is shared, or null. @returns {MediaStreamTrack | null} */
  get track() {
    return this.#stream?.getVideoTracks()[0] ?? null;
  }

  /** Whether the shared screen has sound. */
  get hasSound() {
    return Boolean(this.#context);
  }

  /** Ask the person what to share. Raises the browser's error; a person who shares nothing is none. */
  async start() {
    /** @type {any} */
    const options = { video: { frameRate: PICTURES_A_SECOND }, audio: true, systemAudio: "include", surfaceSwitching: "include" };
    try {
      this.#stream = await navigator.mediaDevices.getDisplayMedia(options);
    } catch (error) {
      if (error.name === "NotAllowedError") return;
      throw error;
    }
    const { track } = this;
    track.contentHint = "detail";
    track.addEventListener("ended", () => this.track === track && this.stop());
    if (this.#stream.getAudioTracks().length) this.#mix();
    this.#changed();
  }

  /** Stop sharing the screen and its sound. */
  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#context?.close();
    this.#stream = this.#context = this.#mixed = this.#microphone = null;
    this.#changed();
  }

  /** Mix the sound of the screen; the microphone is added by `soundWith`. */
  #mix() {
    this.#context = new AudioContext();
    this.#mixed = this.#context.createMediaStreamDestination();
    this.#context.createMediaStreamSource(new MediaStream(this.#stream.getAudioTracks())).connect(this.#mixed);
  }

  /** Return the sound to send: the microphone, with that of the screen. */
  soundWith(microphone) {
    if (!this.#context) return microphone;
    this.#microphone?.disconnect();
    this.#microphone = microphone && this.#context.createMediaStreamSource(new MediaStream([microphone]));
    this.#microphone?.connect(this.#mixed);
    return this.#mixed.stream.getAudioTracks()[0];
  }
}
