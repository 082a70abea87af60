// A watcher receives the pictures of the others over one connection: those alone that the page shows.

import { CAMERA, SCREEN } from "./publishing.js";

/** Milliseconds after which a connection that failed is tried again. */
const TRY_AGAIN = 1000;

/** The name of one picture: whose it is, and whether it is the camera or the screen. */
export const pictureKey = (id, kind) => `${kind} ${id}`;

export class Watcher {
  /**
   * @param attach attaches a handle of the video room with these callbacks
   * @param {() => object} enter returns the fields with which a subscriber joins the room
   * @param tell is told `sends(id, name, kinds)` and `picture(id, kind, track)`; a track of null: it is not received
   */
  constructor(attach, enter, tell) {
    this.#attach = attach;
    this.#enter = enter;
    this.#tell = tell;
  }
  #attach;
  #enter;
  #tell;
  #handle = null;
  /** What others send: id -> kind -> the mid of the stream at its publisher. @type {Map<string, {[kind: string]: string}>} */
  #feeds = new Map();
  /** The pictures that are wanted, by their keys; null: all cameras. @type {Set<string> | null} */
  #wanted = null;
  /** The pictures that are received: key -> `{feed, mid, sub_mid, kind, track}`. */
  #received = new Map();
  #isBusy = false;
  #isClosed = false;
  /** Session descriptions are answered one after the other. */
  #answered = Promise.resolve();

  /** The WebRTC connection that carries the others' pictures; null while there is none. */
  get connection() {
    return this.#handle?.webrtcStuff?.pc ?? null;
  }

  /** Try nothing any more: the call is over. */
  close() {
    this.#isClosed = true;
  }

  /** Receive these pictures (`pictureKey`) and no others; null: the cameras of all. */
  want(keys) {
    this.#wanted = keys;
    this.#update();
  }

  /** Note what somebody sends, as Janus lists the publishers of a room. */
  note({ id, display, streams = [] }) {
    const sent = streams.filter(({ type, disabled }) => type === "video" && !disabled);
    const kinds = Object.fromEntries(sent.map(({ mid, description }) => [description === SCREEN ? SCREEN : CAMERA, mid]));
    this.#feeds.set(id, kinds);
    this.#tell("sends", id, display, Object.keys(kinds));
    this.#update();
  }

  /** Forget somebody who sends nothing any more. */
  forget(id) {
    if (!this.#feeds.delete(id)) return;
    for (const { feed, kind } of [...this.#received.values()]) if (feed === id) this.#drop(pictureKey(id, kind));
    this.#tell("sends", id, "", []);
    this.#update();
  }

  /** Note that a picture is not received any more. */
  #drop(key) {
    const { feed, kind } = this.#received.get(key);
    this.#received.delete(key);
    this.#tell("picture", feed, kind, null);
  }

  /** Subscribe to what is wanted and not received, and give back what is received and not wanted. */
  #update() {
    if (this.#isBusy || this.#isClosed) return;
    const subscribe = [];
    const keep = new Set();
    for (const [feed, kinds] of this.#feeds) {
      for (const [kind, mid] of Object.entries(kinds)) {
        const key = pictureKey(feed, kind);
        if (this.#wanted ? !this.#wanted.has(key) : kind !== CAMERA) continue;
        if (this.#received.get(key)?.mid === mid) keep.add(key);
        else subscribe.push({ feed, mid });
      }
    }
    const unsubscribe = [...this.#received].filter(([key]) => !keep.has(key)).map(([, { sub_mid }]) => ({ sub_mid }));
    if (!subscribe.length && !unsubscribe.length) return;
    this.#isBusy = true;
    if (!this.#handle) return this.#open(subscribe);
    const message = { request: "update", ...(subscribe.length && { subscribe }), ...(unsubscribe.length && { unsubscribe }) };
    this.#handle.send({ message });
  }

  /** Enter the video room as a receiver of these pictures. */
  #open(streams) {
    this.#attach({
      success: (handle) => {
        this.#handle = handle;
        handle.send({ message: { request: "join", ptype: "subscriber", ...this.#enter(), streams } });
      },
      error: () => this.#reopen(),
      // Janus closes a connection that carries nothing any more.
      oncleanup: () => this.#handle && this.#reopen(),
      onmessage: (event, jsep) => this.#hear(event, jsep),
    });
  }

  /** Begin again with a new connection, after a moment. */
  #reopen() {
    if (this.#isClosed) return;
    const handle = this.#handle;
    this.#handle = null;
    handle?.detach();
    for (const key of [...this.#received.keys()]) this.#drop(key);
    this.#isBusy = true;
    setTimeout(() => this.#settle(), TRY_AGAIN);
  }

  /** Note that Janus has answered, and request what has changed meanwhile. */
  #settle() {
    this.#isBusy = false;
    this.#update();
  }

  /** Handle an event of Janus about the received pictures: an offer, an update or an error. */
  #hear(event, jsep) {
    const { streams } = event;
    if (event.error) {
      console.warn("a picture cannot be watched:", event.error);
      // Somebody has left meanwhile, say: what the room sends next says so.
      setTimeout(() => (this.#received.size ? this.#settle() : this.#handle && this.#reopen()), TRY_AGAIN);
    } else if (jsep) {
      const handle = this.#handle;
      this.#answered = this.#answered.then(() => this.#answer(handle, jsep)).then(() => this.#show(streams), (why) => {
        console.warn("a picture cannot be received:", why);
        if (handle === this.#handle) this.#reopen();
      });
    } else if (event.videoroom === "updated") {
      this.#answered = this.#answered.then(() => this.#show(streams));
    }
  }

  /** Answer an offer of Janus; the promise ends when that is done. */
  #answer(handle, jsep) {
    return new Promise((resolve, reject) => {
      handle.createAnswer({
        jsep,
        tracks: [],
        success: (answer) => {
          handle.send({ message: { request: "start" }, jsep: answer });
          resolve();
        },
        error: reject,
      });
    });
  }

  /** Hand on the tracks of the connection, as Janus lists whose they are. */
  #show(streams = []) {
    const parts = this.connection?.getTransceivers() ?? [];
    const active = new Map();
    for (const { type, active: isActive, mid, feed_id: feed, feed_mid, feed_description } of streams) {
      const track = parts.find((part) => part.mid === mid)?.receiver.track;
      if (type !== "video" || isActive === false || !feed || !track) continue;
      const kind = feed_description === SCREEN ? SCREEN : CAMERA;
      active.set(pictureKey(feed, kind), { feed, kind, mid: feed_mid, sub_mid: mid, track });
    }
    for (const key of [...this.#received.keys()]) if (!active.has(key)) this.#drop(key);
    for (const [key, picture] of active) {
      if (this.#received.get(key)?.sub_mid !== picture.sub_mid) this.#tell("picture", picture.feed, picture.kind, picture.track);
      this.#received.set(key, picture);
    }
    this.#settle();
  }
}
