// One stay in one conference's rooms: sound, pictures and notices over one Janus session.

import Janus from "../vendor/janus.es.js";

const AUDIO = "janus.plugin.audiobridge";
const VIDEO = "janus.plugin.videoroom";
const TEXT = "janus.plugin.textroom";

const ready = new Promise((done) => {
  const dependencies = Janus.useDefaultDependencies({ adapter: window.adapter });
  Janus.init({ debug: ["error"], dependencies, callback: done });
});

/**
 * Tells what happens by `tell(what, ...)`: up, lost, kicked, over, person, gone, talks, picture,
 * house, message, willend.
 */
export class Call {
  #closed = false;

  constructor(join, me, media, tell) {
    this.at = join.webrtc;
    this.me = me;
    this.media = media;
    this.tell = (...said) => this.#closed || tell(...said);
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

  /** Show a camera's track to the others, or none. */
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
      onmessage: (said, jsep) => this.#heard(said, jsep),
      onremotetrack: (track, mid, on) => on && this.tell("mix", track),
      // A peer connection that failed: the unit may be gone though nothing was closed.
      iceState: (state) => state === "failed" && this.tell("lost"),
    });
    this.#attach(VIDEO, {
      success: (handle) => {
        this.pictures = handle;
        this.#join(handle, this.at.videoroom, { ptype: "publisher" });
      },
      onmessage: (said, jsep) => this.#seen(said, jsep),
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

  #heard(said, jsep) {
    if (said.error_code === 485) this.tell("lost");
    else if (said.error) this.tell("refused", said.error);
    switch (said.audiobridge) {
      case "joined":
        if (said.id) this.#speak();
        break;
      case "destroyed":
        this.tell("lost");
        break;
      case "talking":
      case "stopped-talking":
        this.tell("talks", said.id, said.audiobridge === "talking");
        break;
    }
    if (said.kicked === this.me.id) this.tell("kicked");
    for (const one of said.participants ?? []) {
      this.tell("person", one.id, { name: one.display, muted: Boolean(one.muted), talks: Boolean(one.talking) });
    }
    for (const id of [said.leaving, said.kicked]) if (id) this.tell("gone", id);
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
      error: (wrong) => this.tell("refused", String(wrong)),
    });
  }

  // ---- pictures ------------------------------------------------------------------------------

  #seen(said, jsep) {
    if (said.videoroom === "joined") {
      this.secret = said.private_id;
      if (this.media.video) this.#publish();
    }
    for (const feed of said.publishers ?? []) this.#watch(feed);
    for (const id of [said.unpublished, said.leaving]) if (id && id !== "ok") this.#unwatch(id);
    if (said.unpublished === "ok") this.pictures.hangup();
    if (jsep) this.pictures.handleRemoteJsep({ jsep });
  }

  #publish() {
    this.pictures.createOffer({
      tracks: [{ type: "video", capture: this.media.video, recv: false, dontStop: true }],
      success: (jsep) => {
        this.pictures.send({ message: { request: "publish", audio: false, video: true }, jsep });
      },
      error: () => this.tell("note", "Your picture could not be sent."),
    });
  }

  #watch(feed) {
    const streams = (feed.streams ?? [])
      .filter((one) => one.type === "video" && !one.disabled)
      .map((one) => ({ feed: feed.id, mid: one.mid }));
    this.tell("seen", feed.id, feed.display);
    if (!streams.length || this.feeds.has(feed.id)) return;
    let handle;
    this.feeds.set(feed.id, null);
    this.#attach(VIDEO, {
      success: (made) => {
        handle = made;
        this.feeds.set(feed.id, handle);
        const { videoroom: room, pin } = this.at;
        const message = { request: "join", ptype: "subscriber", room, pin, private_id: this.secret, streams };
        handle.send({ message });
      },
      error: () => this.feeds.delete(feed.id),
      onmessage: (said, jsep) => {
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
      success: (made) => {
        handle = made;
        handle.send({ message: { request: "setup" } });
      },
      error: () => {},
      onmessage: (said, jsep) => {
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
      ondata: (data) => this.#read1(JSON.parse(data)),
    });
  }

  #read1(said) {
    if (said.textroom !== "announcement") return;
    const notice = JSON.parse(said.text);
    if (notice.to && !notice.to.includes(this.me.id)) return;
    this.tell(notice.kind === "state" ? "house" : notice.kind, notice);
  }
}
