// The talk itself: sound and pictures of the conference that carries a call, followed to other media units.

import { Call as Stay } from "../conferences/call.js";
import { Tiles } from "../conferences/tiles.js";
import { $, device } from "./call_page.js";
import { DirectPath } from "./direct_path.js";

const ASK_EVERY = 1000;
const LOOK_EVERY = 5000;
const ANSWER_WITHIN = 4000;
/** Milliseconds after which the page tries a media unit again that did not let it in. */
const TRY_AGAIN = 2000;
/** Milliseconds after which a person who was left alone hangs up: the other page was closed, and does not come back. */
const ALONE_FOR = 30000;
/** So many messages about a direct path are kept until the page is ready for them. */
const MOST_EARLY = 50;

/** Return a promise that is fulfilled after so many milliseconds. */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
/** Return the address of a conference's room on its media unit, by which a move to another unit is seen. */
const placeOf = (join) => `${join.webrtc.url} ${join.webrtc.audioroom}`;
/** Return a random id of 24 hexadecimal digits for the person in the conference. */
const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export class CallView {
  /** `ended()` is called when the conference has ended without a notice of the call's end. */
  constructor(api, me, words, ended) {
    this.#api = api;
    this.#me = me;
    this.#words = words;
    this.#ended = ended;
    this.#tiles = new Tiles(words, { stage: $("call-tiles"), template: $("call-tile"), count: $("call-count") });
    $("call-mic").addEventListener("click", () => this.#setMuted(!this.#media.muted));
    $("call-cam").addEventListener("click", () => this.#toggleCamera());
  }
  #api;
  #me;
  #words;
  #ended;
  #tiles;
  #media = { audio: null, video: null, muted: false };
  #stay = null;
  #id = "";
  #place = "";
  /** The call that the page is in, or "". */
  #number = "";
  #others = [];
  #password = "";
  #clock = 0;
  /** The path past the media unit; `null` while there is none. */
  #direct = null;
  #early = [];

  /** Ask for the microphone, and with `video` for the camera; a call goes on without them, too. */
  async prepare(video) {
    const wishes = video ? [{ audio: true, video: { width: 640, height: 360 } }, { audio: true }] : [{ audio: true }];
    for (const wish of wishes) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia(wish);
        this.#media.audio = stream.getAudioTracks()[0] ?? null;
        this.#media.video = stream.getVideoTracks()[0] ?? null;
        break;
      } catch (error) {
        console.warn(error);
      }
    }
    this.#draw();
  }

  /** Enter the conference of a call, and follow it until `close`. */
  enter(call) {
    if (this.#number === call.call_id) return;
    this.#number = call.call_id;
    this.#clock = setInterval(() => this.#showTime(call), 500);
    this.#follow(call.call_id);
    this.#tryDirectly(call);
  }

  /** Find a path between the two browsers, if the platform has servers for that. */
  async #tryDirectly(call) {
    const servers = await this.#servers().catch(() => []);
    if (!servers.length || this.#number !== call.call_id || call.call_id !== call.session_id) return;
    this.#direct = new DirectPath(() => this.#servers(), call.caller.user_id === this.#me.id, {
      send: (data) => this.#api.send("POST", `calls/${call.call_id}/signal`, { device, data }).catch(() => {}),
      play: (stream) => ($("direct").srcObject = stream),
      changed: () => this.#choose(),
    });
    this.#choose();
    await this.#direct.open(this.#media.audio).catch((why) => console.warn(why));
    for (const early of this.#early.splice(0)) this.signal(early.number, early.data);
  }

  /** Return the servers for a direct path; their credentials end, so that they are asked for anew before. */
  async #servers() {
    if (Date.now() > this.#turn.until) {
      const { ice_servers: servers, seconds } = await this.#api.get("calls/turn");
      this.#turn = { servers, until: Date.now() + seconds * 500 };
    }
    return this.#turn.servers;
  }
  #turn = { servers: [], until: 0 };

  /** Play the sound that comes directly while two talk, or that of the media unit, which has everybody's. */
  #choose() {
    const isDirect = Boolean(this.#direct?.isDirect) && this.#tiles.people.size <= 2;
    $("direct").muted = !isDirect;
    $("mix").muted = isDirect;
    if (isDirect) $("direct").play().catch(() => {});
    $("call-view").dataset.path = isDirect ? "direct" : "relay";
    this.#watchAlone();
  }

  /** Hang up once the other one has been away for long; somebody whose page is loaded anew is back before. */
  #watchAlone() {
    const count = this.#tiles.people.size;
    if (count > 1) this.#hadCompany = true;
    if (count > 1 || !this.#stay) {
      clearTimeout(this.#alone);
      this.#alone = 0;
    } else if (this.#hadCompany && !this.#alone) {
      this.#alone = setTimeout(() => this.#number && this.#ended(this.#number), ALONE_FOR);
    }
  }
  #hadCompany = false;
  #alone = 0;

  /** Handle what the other browser has sent about the direct path, perhaps before this page was ready for it. */
  signal(number, data) {
    if (this.#direct && this.#number === number) this.#direct.hear(data).catch((why) => console.warn(why));
    else if (this.#early.length < MOST_EARLY) this.#early.push({ number, data });
  }

  /** Leave the call: end all connections, and stop microphone and camera. */
  close() {
    this.#number = this.#place = "";
    this.#others = [];
    clearInterval(this.#clock);
    this.#direct?.close();
    this.#direct = null;
    this.#early = [];
    clearTimeout(this.#alone);
    this.#alone = 0;
    this.#hadCompany = false;
    this.#choose();
    $("direct").srcObject = null;
    this.#stay?.close();
    this.#stay = null;
    for (const track of [this.#media.audio, this.#media.video]) track?.stop();
    this.#media = { audio: null, video: null, muted: false };
    this.#tiles.clear();
    $("mix").srcObject = null;
    $("call-time").textContent = "";
    delete $("call-view").dataset.media;
  }

  // ---- where the conference is ------------------------------------------------------------------

  /** Ask again and again where the call's conference runs, and connect there, until the call ends. */
  async #follow(number) {
    while (this.#number === number) {
      const media = await this.#where(number).catch(() => null);
      if (this.#number !== number) return;
      if (media?.state === "ended") return this.#ended(number);
      if (media?.join && placeOf(media.join) !== this.#place) this.#open(media.join);
      await pause(this.#stay ? LOOK_EVERY : ASK_EVERY);
    }
  }

  /** Ask this site, and if it is away the other sites of the platform. */
  async #where(number) {
    try {
      const { media } = await this.#api.get(`calls/${number}/media`);
      this.#others = media.where.slice(1);
      this.#password = media.password;
      return media;
    } catch (why) {
      if (why.status === 404) return { state: "ended" };
    }
    for (const url of this.#others) {
      const body = new URLSearchParams({ password: this.#password });
      const reply = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(ANSWER_WITHIN) }).catch(() => null);
      if (reply && reply.status < 500) return reply.json();
    }
    return null;
  }

  /** Connect to the conference by the join information of its media unit; leave another one. */
  #open(join) {
    this.#stay?.close();
    this.#tiles.clear();
    this.#place = placeOf(join);
    this.#id = newId();
    const me = { id: this.#id, name: this.#me.name };
    this.#tiles.put(me.id, { name: me.name, me: true, muted: this.#media.muted });
    this.#tiles.picture(me.id, this.#media.video);
    const stay = new Stay(join, me, this.#media, (event, ...facts) => this.#stay === stay && this.#on[event]?.(...facts));
    this.#stay = stay;
    stay.open();
  }

  /** Show that the connection is lost, and try the same place again after a while. */
  #lost() {
    const tried = this.#place;
    this.#stay?.close();
    this.#stay = null;
    this.#choose();
    $("call-view").dataset.media = "lost";
    $("call-state").textContent = this.#words.lost;
    setTimeout(() => {
      if (!this.#stay && this.#place === tried) this.#place = "";
    }, TRY_AGAIN);
  }

  // ---- events of the conference -----------------------------------------------------------------

  #on = {
    up: () => {
      $("call-view").dataset.media = "up";
      $("call-state").textContent = this.#media.audio ? "" : this.#words.listening;
    },
    lost: () => this.#lost(),
    refused: () => this.#lost(),
    kicked: () => this.#ended(this.#number),
    mix: (track) => {
      $("mix").srcObject = new MediaStream([track]);
      $("mix").play().catch(() => {});
    },
    person: (id, is) => {
      if (id !== this.#id) this.#tiles.put(id, { ...is, isMixed: true });
      this.#choose();
      if (id === this.#id && this.#media.audio && is.muted !== this.#media.muted) this.#setMuted(is.muted, false);
    },
    sends: (id, name, kinds) => {
      if (name && !this.#tiles.people.get(id)?.is.name) this.#tiles.put(id, { name, muted: true });
      // The video room may speak after the mixer has said that the person is gone.
      if (!kinds.length && !this.#tiles.people.get(id)?.is.isMixed) this.#tiles.remove(id);
    },
    gone: (id) => {
      if (id !== this.#id) this.#tiles.remove(id);
      this.#choose();
    },
    talks: (id, talks) => this.#tiles.people.has(id) && this.#tiles.put(id, { talks }),
    picture: (id, kind, track) => (track || this.#tiles.people.has(id)) && this.#tiles.picture(id, track),
  };

  // ---- the own microphone and camera ------------------------------------------------------------

  /** Mute or unmute the microphone; `tell`: the media unit does not know it yet. */
  #setMuted(value, tell = true) {
    this.#media.muted = value;
    if (this.#media.audio) this.#media.audio.enabled = !value;
    if (tell) this.#stay?.mute();
    if (this.#stay) this.#tiles.put(this.#id, { muted: value });
    this.#draw();
  }

  /** Switch the camera on or off; it stays off if the browser gives none. */
  async #toggleCamera() {
    const { video } = this.#media;
    if (video) {
      video.stop();
      this.#media.video = null;
    } else {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } }).catch(() => null);
      this.#media.video = stream?.getVideoTracks()[0] ?? null;
    }
    this.#stay?.show();
    if (this.#stay) this.#tiles.picture(this.#id, this.#media.video);
    this.#draw();
  }

  /** Show on the buttons whether microphone and camera are on. */
  #draw() {
    const { audio, video, muted } = this.#media;
    const isSilent = muted || !audio;
    $("call-mic").disabled = !audio;
    $("call-mic").setAttribute("aria-pressed", String(isSilent));
    $("call-mic").lastElementChild.textContent = isSilent ? this.#words.unmute : this.#words.mute;
    $("call-cam").setAttribute("aria-pressed", String(!video));
    $("call-cam").lastElementChild.textContent = video ? this.#words.camera_off : this.#words.camera_on;
  }

  /** Show for how long the call has been going on. */
  #showTime(call) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(call.answered_at)) / 1000));
    $("call-time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

