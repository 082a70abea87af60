// A publisher sends the own pictures, camera and screen, as two streams of one connection.

/** What a stream shows, as its description tells the others. */
export const CAMERA = "camera", SCREEN = "screen";
const KINDS = [CAMERA, SCREEN];

/** Milliseconds after the end of a connection in which Janus tidies up; a new one would be ended as well. */
const PAUSE = 300;

/** @typedef {{[CAMERA]: MediaStreamTrack | null, [SCREEN]: MediaStreamTrack | null}} Pictures */

export class Publisher {
  /**
   * @param handle Janus's handle at the video room, which has joined as a publisher
   * @param {() => Pictures} wanted says what is to be sent now
   * @param {() => void} failed is called when the pictures could not be sent
   */
  constructor(handle, wanted, failed) {
    this.#handle = handle;
    this.#wanted = wanted;
    this.#failed = failed;
  }
  #handle;
  #wanted;
  #failed;
  /** What is sent, by kind; the connection is there while one of them is. @type {Pictures} */
  #sent = { [CAMERA]: null, [SCREEN]: null };
  /** The part of the connection that each kind was sent in, by its mid; it is used again. */
  #mids = {};
  /** Whether Janus has to answer first: one change at a time. */
  #isBusy = false;

  /** The WebRTC connection that carries the own pictures; null while there is none. */
  get connection() {
    return this.#handle.webrtcStuff?.pc ?? null;
  }

  /** Send what is wanted now; call it after each change. */
  async update() {
    if (this.#isBusy) return;
    const wanted = { ...this.#wanted() };
    const changed = KINDS.filter((kind) => wanted[kind] !== this.#sent[kind]);
    if (!changed.length) return;
    this.#isBusy = true;
    const isNew = KINDS.every((kind) => !this.#sent[kind]);
    const isReplaced = changed.every((kind) => wanted[kind] && this.#sent[kind]);
    this.#sent = wanted;
    if (KINDS.every((kind) => !wanted[kind])) this.#handle.send({ message: { request: "unpublish" } });
    else if (isReplaced) await this.#replace(changed, wanted);
    else this.#offer(changed, wanted, isNew ? "publish" : "configure");
  }

  /** Note what Janus says about the own pictures; `jsep` is its answer to an offer. */
  hear(event, jsep) {
    const settle = () => this.#settle();
    if (jsep) this.#handle.handleRemoteJsep({ jsep, success: settle, error: settle });
    else if (event.configured === "ok" || event.error) settle();
  }

  /** Begin anew after the connection was closed: by Janus as asked, when nothing is sent any more, or because it failed. */
  closed() {
    this.#sent = { [CAMERA]: null, [SCREEN]: null };
    this.#mids = {};
    this.#isBusy = true;
    setTimeout(() => this.#settle(), PAUSE);
  }

  /** Note that Janus has answered, and send what has changed meanwhile. */
  #settle() {
    this.#isBusy = false;
    this.update();
  }

  /** Another camera, say, takes the place of the one before: the others notice nothing but the new picture. */
  async #replace(changed, wanted) {
    for (const kind of changed) await this.#part(kind)?.sender.replaceTrack(wanted[kind]);
    this.#settle();
  }

  /** Return the part of the connection in which pictures of this kind (camera, screen) are sent. */
  #part(kind) {
    return this.connection?.getTransceivers().find(({ mid }) => mid !== null && mid === this.#mids[kind]);
  }

  /** Negotiate the changed pictures with Janus; `request` is "publish" the first time, else "configure". */
  #offer(changed, wanted, request) {
    const tracks = changed.map((kind) => {
      const known = { type: "video", recv: false, dontStop: true, mid: this.#mids[kind] };
      if (!wanted[kind]) return { ...known, remove: true };
      return this.#part(kind) ? { ...known, capture: wanted[kind], replace: true } : { ...known, mid: undefined, capture: wanted[kind], add: true };
    });
    this.#handle.createOffer({
      tracks,
      success: (jsep) => {
        for (const { mid, sender } of this.connection.getTransceivers()) {
          for (const kind of KINDS) if (sender.track && sender.track === wanted[kind]) this.#mids[kind] = mid;
        }
        const descriptions = Object.entries(this.#mids).map(([kind, mid]) => ({ mid, description: kind }));
        const message = { request, descriptions, ...(request === "publish" && { audio: false, video: true }) };
        this.#handle.send({ message, jsep });
      },
      error: () => {
        this.#isBusy = false;
        this.#failed();
      },
    });
  }
}
