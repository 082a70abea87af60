// A call is one stay in a conference: sound, pictures and notices over one Janus session.

import "../vendor/adapter.js";
import Janus from "../vendor/janus.es.js";
import { CAMERA, Publisher, SCREEN } from "./publishing.js";
import { Watcher } from "./watching.js";

const AUDIO = "janus.plugin.audiobridge";
const VIDEO = "janus.plugin.videoroom";
const TEXT = "janus.plugin.textroom";

/** Milliseconds after which the text room is opened again. */
const READ_AGAIN = 3000;

/** Characters of the longest signal of another page that is read. */
const LONGEST_SIGNAL = 300;

const ready = new Promise((resolve) => {
  const dependencies = Janus.useDefaultDependencies({ adapter: /** @type {any} */ (window).adapter });
  Janus.init({ debug: ["error"], dependencies, callback: resolve });
});

/**
 * A call reports events by `tell(event, ...facts)`: up, lost, refused, kicked, mix, person, sends (which pictures),
 * picture, gone, talks, unsent (the own picture), house (the state of the conference), message, unmute (a request), willend,
 * reaction, news (who has something to fetch from the platform, and of what).
 */
export class Call {
  #closed = false;

  /** `join`: how to enter the media unit; `media`: the own tracks; `tell` is called with each event. */
  constructor(join, me, media, tell) {
    this.at = join.webrtc;
    this.me = me;
    this.media = media;
    this.tell = (...event) => this.#closed || tell(...event);
    const enter = () => ({ room: this.at.videoroom, pin: this.at.pin, private_id: this.secret });
    this.watcher = new Watcher((more) => this.#attach(VIDEO, more), enter, (...event) => this.tell(...event));
  }

  /** Connect to the media unit (Janus) and enter its rooms for sound, pictures and texts. */
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

  /** Leave the call, and report no events any more. */
  close() {
    this.#closed = true;
    this.watcher.close();
    this.janus?.destroy({ cleanupHandles: true, notifyDestroyed: false, unload: false });
  }

  /** Tell the mixer whether this person is to be heard, after each change of `media`. */
  mute() {
    this.sound?.send({ message: { request: "configure", muted: this.isSilent } });
  }

  /** Set how loud the others hear this page, from 0 to 100. */
  volume(percent) {
    this.sound?.send({ message: { request: "configure", volume: percent } });
  }

  /** Send the pictures of `media` (`video`, and `screen`), after each change. */
  show() {
    this.publisher?.update();
  }

  /** Send another track as the own sound. Returns whether that was possible: who entered without sound has to enter anew. */
  async speakWith(track) {
    this.media.audio = track;
    const part = this.connections().sound?.getTransceivers()[0];
    if (!part) return true; // The entry is to come, and takes the track.
    if (!part.direction.startsWith("send")) return !track;
    await part.sender.replaceTrack(track);
    return true;
  }

  /** Whether the mixer is to leave this person out: not while the sound of a shared screen goes with the microphone. */
  get isSilent() {
    const { audio, muted, isShared } = this.media;
    return !audio || (muted && !isShared);
  }

  /** Say something to all pages and to the unit, by the text room. */
  say(signal) {
    const { textroom: room } = this.at;
    const text = { textroom: "message", transaction: "say", room, text: JSON.stringify(signal), ack: false };
    if (this.isOpen) this.texts.data({ text: JSON.stringify(text) });
  }

  /** Receive these pictures (`pictureKey`) and no others; null: the cameras of all. */
  watch(keys) {
    this.watcher.want(keys);
  }

  /** Return the connections of sound, own pictures and others' pictures; null where there is none. */
  connections() {
    return {
      sound: this.sound?.webrtcStuff?.pc ?? null,
      sent: this.publisher?.connection ?? null,
      received: this.watcher.connection,
    };
  }

  /** Attach to the plugins for sound and pictures, and enter the room of each. */
  #enter() {
    this.#attach(AUDIO, {
      success: (handle) => {
        this.sound = handle;
        this.#join(handle, this.at.audioroom, { muted: this.isSilent });
      },
      onmessage: (event, jsep) => this.#heard(event, jsep),
      onremotetrack: (track, mid, on) => on && this.tell("mix", track),
      // If the peer connection fails, the unit may be gone although nothing was closed.
      iceState: (state) => state === "failed" && this.tell("lost"),
      // Janus has ended the connection: the others do not hear this person any more, whatever the page shows.
      oncleanup: () => this.tell("lost"),
    });
    this.#attach(VIDEO, {
      success: (handle) => {
        this.pictures = handle;
        const wanted = () => ({ [CAMERA]: this.media.video, [SCREEN]: this.media.screen ?? null });
        this.publisher = new Publisher(handle, wanted, () => this.tell("unsent"));
        this.#join(handle, this.at.videoroom, { ptype: "publisher" });
      },
      onmessage: (event, jsep) => this.#seen(event, jsep),
      oncleanup: () => this.#closed || this.publisher?.closed(),
    });
    if (this.at.textroom) this.#read();
  }

  /** Enter a room of a plugin under the own id and name; `more` are fields of the plugin's request. */
  #join(handle, room, more) {
    const { id, name } = this.me;
    const message = { request: "join", room, pin: this.at.pin, id, display: name, ...more };
    handle.send({ message });
  }

  /** Attach to a plugin of Janus; a failure counts as a lost call. */
  #attach(plugin, more) {
    this.janus.attach({ plugin, opaqueId: this.me.id, error: () => this.tell("lost"), ...more });
  }

  // ---- sound ---------------------------------------------------------------------------------

  /** Handle an event of the sound room: who is there, talks or leaves. */
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

  /** Negotiate sound in both directions; without a microphone only receive. */
  #speak() {
    const track = this.media.audio;
    const tracks = [{ type: "audio", capture: track ?? false, recv: true, dontStop: true }];
    this.sound.createOffer({
      tracks,
      success: (jsep) => {
        this.sound.send({ message: { request: "configure", muted: this.isSilent }, jsep });
        this.tell("up");
      },
      error: (error) => this.tell("refused", String(error)),
    });
  }

  // ---- pictures ------------------------------------------------------------------------------

  /** Handle an event of the video room: who sends pictures, and answers about the own ones. */
  #seen(event, jsep) {
    if (event.videoroom === "joined") {
      this.secret = event.private_id;
      this.publisher.update();
    }
    // The unit has put this person out, who enters anew: pictures alone would be missing without a word.
    if (event.leaving === "ok" && event.reason === "kicked") this.tell("lost");
    for (const person of event.publishers ?? []) this.watcher.note(person);
    for (const id of [event.unpublished, event.leaving]) if (id && id !== "ok") this.watcher.forget(id);
    this.publisher.hear(event, jsep);
  }

  // ---- notices -------------------------------------------------------------------------------

  /** Enter the text room, by which the unit and other pages send notices. */
  #read() {
    this.#attach(TEXT, {
      success: (handle) => {
        this.texts = handle;
        handle.send({ message: { request: "setup" } });
      },
      error: () => {},
      onmessage: (event, jsep) => {
        if (!jsep) return;
        this.texts.createAnswer({
          jsep,
          tracks: [{ type: "data" }],
          success: (answer) => this.texts.send({ message: { request: "ack" }, jsep: answer }),
        });
      },
      ondataopen: () => {
        const { id: username, name: display } = this.me;
        const { textroom: room, pin } = this.at;
        const text = { textroom: "join", transaction: "enter", room, pin, username, display };
        this.texts.data({ text: JSON.stringify(text) });
        this.isOpen = true;
      },
      ondata: (data) => this.#hear(JSON.parse(data)),
      oncleanup: () => this.texts && this.#readAgain(),
    });
  }

  /** Open the text room once more after a moment: Janus has ended its connection, while sound and pictures go on. */
  #readAgain() {
    const handle = this.texts;
    this.texts = null;
    this.isOpen = false;
    handle.detach();
    setTimeout(() => this.#closed || this.#read(), READ_AGAIN);
  }

  /** Handle a text: a signal of another page, or a notice of the unit to this person. */
  #hear(event) {
    if (event.textroom === "message") this.#hearSignal(event.from, event.text);
    if (event.textroom !== "announcement") return;
    const notice = JSON.parse(event.text);
    if (notice.to && !notice.to.includes(this.me.id)) return;
    this.tell(notice.kind === "state" ? "house" : notice.kind, notice);
  }

  /** Take what another page has said, which may be anything. */
  #hearSignal(from, text) {
    if (text.length > LONGEST_SIGNAL) return;
    let signal;
    try {
      signal = JSON.parse(text);
    } catch {
      return;
    }
    if (signal?.kind === "reaction") this.tell("reaction", from, signal.emoji);
    if (signal?.kind === "news") this.tell("news", from, signal.of);
  }
}
