// A call is one stay in a conference: sound, pictures and notices over one Janus session.

import Janus from "../vendor/janus.es.js";

const AUDIO = "janus.plugin.audiobridge";
const VIDEO = "janus.plugin.videoroom";
const TEXT = "janus.plugin.textroom";

const ready = new Promise((resolve) => {
  const dependencies = Janus.useDefaultDependencies({ adapter: window.adapter });
  Janus.init({ debug: ["error"], dependencies, callback: resolve });
});

/**
 * A call reports events by `tell(event, ...facts)`: up, lost, refused, kicked, mix, person, seen, gone,
 * talks, picture, unsent (the own picture), house (the state of the conference), message, unmute (a request), willend.
 */
export class Call {
  #closed = false;

  constructor(join, me, media, tell) {
    this.at = join.webrtc;
    this.me = me;
    this.media = media;
    this.tell = (...event) => this.#closed || tell(...event);
    this.feeds = new Map();
  }

  async open() {
    await ready;
    this.janus = new Janus({
      server: this.at.url,
      token: this.at.token,
      iceServers: this.at.iceServers ?? [],
      success: () => this.#enter(),
      error: () => this.tell("lost"),
      destroyed: () => this.tell("lost"),
    });
  }

  close() {
    this.#closed = true;
    this.janus?.destroy({ cleanupHandles: true, notifyDestroyed: false, unload: false });
  }

  mute(value) {
    this.sound?.send({ message: { request: "configure", muted: value } });
  }

  /** Set how loud the others hear this page, from 0 to 100. */
  volume(percent) {
    this.sound?.send({ message: { request: "configure", volume: percent } });
  }

  /** Show the others a camera's track; `null` shows no picture. */
  show(track) {
    this.media.video = track;
    if (!this.pictures) return;
    if (!track) this.pictures.send({ message: { request: "unpublish" } });
    else this.#publish();
  }

  #enter() {
    this.#attach(AUDIO, {
      success: (handle) => {
        this.sound = handle;
        this.#join(handle, this.at.audioroom, { muted: this.media.muted || !this.media.audio });
      },
      onmessage: (event, jsep) => this.#heard(event, jsep),
      onremotetrack: (track, mid, on) => on && this.tell("mix", track),
      // If the peer connection fails, the unit may be gone although nothing was closed.
      iceState: (state) => state === "failed" && this.tell("lost"),
    });
    this.#attach(VIDEO, {
      success: (handle) => {
        this.pictures = handle;
        this.#join(handle, this.at.videoroom, { ptype: "publisher" });
      },
      onmessage: (event, jsep) => this.#seen(event, jsep),
    });
    if (this.at.textroom) this.#read();
  }

  #join(handle, room, more) {
    const { id, name } = this.me;
    const message = { request: "join", room, pin: this.at.pin, id, display: name, ...more };
    handle.send({ message });
  }

  #attach(plugin, more) {
    this.janus.attach({ plugin, opaqueId: this.me.id, error: () => this.tell("lost"), ...more });
  }

  // ---- sound ---------------------------------------------------------------------------------

  #heard(event, jsep) {
    if (event.error_code === 485) this.tell("lost");
    else if (event.error) this.tell("refused", event.error);
    switch (event.audiobridge) {
      case "joined":
        if (event.id) this.#speak();
        break;
      case "destroyed":
        this.tell("lost");
        break;
      case "talking":
      case "stopped-talking":
        this.tell("talks", event.id, event.audiobridge === "talking");
        break;
    }
    if (event.kicked === this.me.id) this.tell("kicked");
    for (const person of event.participants ?? []) {
      this.tell("person", person.id, { name: person.display, muted: Boolean(person.muted), talks: Boolean(person.talking) });
    }
    for (const id of [event.leaving, event.kicked]) if (id) this.tell("gone", id);
    if (jsep) this.sound.handleRemoteJsep({ jsep });
  }

  #speak() {
    const track = this.media.audio;
    const tracks = [{ type: "audio", capture: track ?? false, recv: true, dontStop: true }];
    this.sound.createOffer({
      tracks,
      success: (jsep) => {
        this.sound.send({ message: { request: "configure", muted: this.media.muted || !track }, jsep });
        this.tell("up");
      },
      error: (error) => this.tell("refused", String(error)),
    });
  }

  // ---- pictures ------------------------------------------------------------------------------

  #seen(event, jsep) {
    if (event.videoroom === "joined") {
      this.secret = event.private_id;
      if (this.media.video) this.#publish();
    }
    for (const feed of event.publishers ?? []) this.#watch(feed);
    for (const id of [event.unpublished, event.leaving]) if (id && id !== "ok") this.#unwatch(id);
    if (event.unpublished === "ok") this.pictures.hangup();
    if (jsep) this.pictures.handleRemoteJsep({ jsep });
  }

  #publish() {
    this.pictures.createOffer({
      tracks: [{ type: "video", capture: this.media.video, recv: false, dontStop: true }],
      success: (jsep) => {
        this.pictures.send({ message: { request: "publish", audio: false, video: true }, jsep });
      },
      error: () => this.tell("unsent"),
    });
  }

  #watch(feed) {
    const streams = (feed.streams ?? [])
      .filter((stream) => stream.type === "video" && !stream.disabled)
      .map((stream) => ({ feed: feed.id, mid: stream.mid }));
    this.tell("seen", feed.id, feed.display);
    if (!streams.length || this.feeds.has(feed.id)) return;
    let handle;
    this.feeds.set(feed.id, null);
    this.#attach(VIDEO, {
      success: (attached) => {
        handle = attached;
        this.feeds.set(feed.id, handle);
        const { videoroom: room, pin } = this.at;
        const message = { request: "join", ptype: "subscriber", room, pin, private_id: this.secret, streams };
        handle.send({ message });
      },
      error: () => this.feeds.delete(feed.id),
      onmessage: (event, jsep) => {
        if (!jsep) return;
        handle.createAnswer({
          jsep,
          tracks: [{ type: "data" }],
          success: (answer) => handle.send({ message: { request: "start" }, jsep: answer }),
        });
      },
      onremotetrack: (track, mid, on) => {
        if (track.kind === "video" && (on || track.readyState === "ended")) {
          this.tell("picture", feed.id, on ? track : null);
        }
      },
    });
  }

  #unwatch(id) {
    this.feeds.get(id)?.detach();
    this.feeds.delete(id);
    this.tell("picture", id, null);
  }

  // ---- notices -------------------------------------------------------------------------------

  #read() {
    let handle;
    this.#attach(TEXT, {
      success: (attached) => {
        handle = attached;
        handle.send({ message: { request: "setup" } });
      },
      error: () => {},
      onmessage: (event, jsep) => {
        if (!jsep) return;
        handle.createAnswer({
          jsep,
          tracks: [{ type: "data" }],
          success: (answer) => handle.send({ message: { request: "ack" }, jsep: answer }),
        });
      },
      ondataopen: () => {
        const { id: username, name: display } = this.me;
        const { textroom: room, pin } = this.at;
        const text = { textroom: "join", transaction: "enter", room, pin, username, display };
        handle.data({ text: JSON.stringify(text) });
      },
      ondata: (data) => this.#announce(JSON.parse(data)),
    });
  }

  #announce(event) {
    if (event.textroom !== "announcement") return;
    const notice = JSON.parse(event.text);
    if (notice.to && !notice.to.includes(this.me.id)) return;
    this.tell(notice.kind === "state" ? "house" : notice.kind, notice);
  }
}
