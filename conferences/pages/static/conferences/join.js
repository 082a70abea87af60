// The join page enters a conference, follows it to other units, and leaves it.

import { Call } from "./call.js";
import { changesByItself, layoutOf } from "./layout.js";
import { Tiles, filled } from "./tiles.js";

const ASK_EVERY = 1000;
const LOOK_EVERY = 5000;
const ANSWER_WITHIN = 4000;
/** Milliseconds after which the page tries a unit again that did not let it in. */
const TRY_AGAIN = 3000;
/** Milliseconds that the page waits for camera and microphone before it enters without them. */
const DEVICES_WITHIN = 4000;

const $ = (id) => document.getElementById(id);

function kept(name, make) {
  try {
    localStorage.setItem(name, localStorage.getItem(name) ?? make());
    return localStorage.getItem(name);
  } catch {
    return make(); // Private windows have no storage.
  }
}

const start = JSON.parse($("start").textContent);
const { words } = start;
const tiles = new Tiles(words);
const media = { audio: null, video: null, muted: false };
let me = { id: "", name: "" };
let password = "";
let call = null;
let place = "";
let inside = false;
let camera = null;

const randomId = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");
/** What all ids of this browser in this conference begin with: whoever was removed stays out under another name, too. */
const visitor = kept(`visitor:${start.e164}`, () => randomId(8));
const newId = () => visitor + randomId(4);
/** The state of the conference as the unit told it last, and who talked last. */
let room = { arrangement: {}, people: [], me: "", talking: "" };
/** Settled when camera and microphone were found or refused; pending while the person decides. */
let devices = Promise.resolve();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const placeOf = (join) => `${join.webrtc.url} ${join.webrtc.audioroom}`;

function say(text) {
  if ($("state").textContent !== text) $("state").textContent = text;
  document.body.dataset.state = inside ? (call ? "in" : "moving") : "out";
}

let noticeTimer = 0;
function notice(text, seconds = 12) {
  $("notice").textContent = text;
  $("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => ($("notice").hidden = true), seconds * 1000);
}

// ---- camera and microphone ------------------------------------------------------------------

/** Why there is no camera or microphone, by the name of the browser's error; the first that occurred counts. */
const NO_DEVICES = [
  ["NotAllowedError", "not_allowed"],
  ["NotReadableError", "in_use"],
  ["NotFoundError", "no_devices"],
];

async function findDevices() {
  const errors = new Set();
  const choices = [{ audio: true, video: { width: 640, height: 360 } }, { audio: true }, { video: true }];
  for (const choice of choices) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(choice);
      media.audio = stream.getAudioTracks()[0] ?? null;
      media.video = camera = stream.getVideoTracks()[0] ?? null;
      break;
    } catch (error) {
      errors.add(error.name);
    }
  }
  const ready = Boolean(media.video || media.audio);
  const reason = NO_DEVICES.find(([name]) => errors.has(name))?.[1] ?? "no_devices";
  $("devices").textContent = words[ready ? (media.video ? (media.audio ? "both_ready" : "camera_ready") : "microphone_ready") : reason];
  $("devices-again").hidden = ready;
  $("preview-video").hidden = !media.video;
  $("preview-text").textContent = media.video ? "" : words.initials;
  if (media.video) $("preview-video").srcObject = new MediaStream([media.video]);
  drawButtons();
  // The devices came after the entry: enter once more, with them.
  if (inside && ready) place = "";
}

function drawButtons() {
  const silent = media.muted || !media.audio;
  $("mic").disabled = !media.audio || (silent && !mayTalk());
  $("mic").title = $("mic").disabled && media.audio ? words.held : "";
  $("mic").setAttribute("aria-pressed", String(silent));
  $("mic").lastElementChild.textContent = media.audio ? (silent ? words.unmute : words.mute) : words.no_microphone;
  $("cam").disabled = !camera;
  $("cam").setAttribute("aria-pressed", String(!media.video));
  $("cam").lastElementChild.textContent = camera ? (media.video ? words.camera_off : words.camera_on) : words.no_camera;
}

function setMuted(value) {
  media.muted = value;
  if (media.audio) media.audio.enabled = !value;
  if (!value) $("asked").hidden = true;
  tiles.put(me.id, { muted: value || !media.audio });
  drawButtons();
}

// ---- where the conference is ----------------------------------------------------------------

/**
 * Ask the sites where the conference is, first the site that answered last.
 * A site that is away, or does not serve the platform, is passed over.
 */
async function where(entering = false) {
  for (const url of [...start.where]) {
    const answer = await ask(url, entering).catch(() => null);
    if (!answer) continue;
    start.where = [url, ...start.where.filter((other) => other !== url)];
    return answer;
  }
  throw new Error("no site answers");
}

async function ask(url, entering) {
  const signal = AbortSignal.timeout(ANSWER_WITHIN);
  const options = { headers: { Accept: "application/json" }, cache: "no-store", signal };
  if (start.password) {
    options.method = "POST";
    options.body = new URLSearchParams({ password });
  }
  const query = entering ? `${url.includes("?") ? "&" : "?"}entering=1` : "";
  const reply = await fetch(url + query, options);
  const answer = await reply.json();
  return reply.status < 500 || answer.full ? answer : null;
}

/** Follow the conference to its unit while the person wants to be in it; ask until it runs. */
async function follow() {
  while (inside) {
    const answer = await where().catch(() => null);
    if (!inside) return;
    if (answer?.state === "ended" || answer?.state === "refused") return leave(words.ended, words.close, false);
    if (answer?.password) return leave(words.password_again, words.reload);
    if (answer?.join && placeOf(answer.join) !== place) enter(answer.join);
    // While sound and pictures flow, a platform that does not answer is nothing to tell.
    if (!answer && !call) say(words.away);
    await pause(call ? LOOK_EVERY : ASK_EVERY);
  }
}

function enter(join) {
  call?.close();
  tiles.clear();
  place = placeOf(join);
  // A new id for each entry, so that a session left over from the entry before is not in the way.
  me = { ...me, id: newId() };
  tiles.put(me.id, { name: me.name, me: true, muted: media.muted || !media.audio });
  tiles.picture(me.id, media.video);
  sentVolume = null;
  const opened = new Call(join, me, media, (event, ...facts) => call === opened && on[event]?.(...facts));
  call = opened;
  opened.open();
  say(words.entering);
}

function lost() {
  const tried = place;
  call?.close();
  call = null;
  $("moving").hidden = false;
  say(words.lost);
  setTimeout(() => {
    if (!call && place === tried) place = "";
  }, TRY_AGAIN);
}

// ---- events of the call ---------------------------------------------------------------------

const on = {
  up() {
    const back = !$("moving").hidden;
    $("moving").hidden = true;
    if (back) notice(words.back, 5);
    say(media.audio ? words.inside : words.listening);
  },
  lost,
  refused: (why) => {
    console.warn("the unit refused the entry:", why);
    notice(words.not_entered);
    lost();
  },
  kicked: () => leave(words.removed, words.mistake),
  mix(track) {
    $("mix").srcObject = new MediaStream([track]);
    $("mix").play().catch((why) => why.name === "NotAllowedError" && notice(words.click));
  },
  person(id, is) {
    if (id !== me.id) tiles.put(id, is);
    else if (media.audio && is.muted !== media.muted) {
      setMuted(is.muted);
      notice(is.muted ? words.muted_by_chair : words.unmuted);
    }
  },
  sends: (id, name) => name && (tiles.people.get(id)?.is.name || tiles.put(id, { name, muted: true })),
  gone: (id) => id !== me.id && tiles.remove(id),
  talks(id, talks) {
    if (!tiles.people.has(id)) return;
    tiles.put(id, { talks });
    if (!talks) return;
    room.talking = room.people.find(({ ids }) => ids.includes(id))?.mtid ?? room.talking;
    lay();
  },
  picture: (id, kind, track) => (track || tiles.people.has(id)) && tiles.picture(id, track),
  unsent: () => notice(words.no_picture_sent),
  message: ({ text, rounds = 1 }) => (text ? notice(text, 20 * rounds) : ($("notice").hidden = true)),
  unmute: () => ($("asked").hidden = !media.muted),
  willend: ({ minutes }) => notice(minutes === 1 ? words.last_minute : filled(words.minutes_left, { minutes })),
  house({ people, chairman, speaker, recording, arrangement = {} }) {
    const mine = people.find(({ ids }) => ids.includes(me.id));
    room = { ...room, arrangement, people, chairman, speaker, me: mine?.mtid ?? "" };
    loudness(arrangement.volumes?.[room.me] ?? {});
    if (recording === $("recording").hidden) notice(recording ? words.recorded : words.recorded_no_more);
    $("recording").hidden = !recording;
    for (const { mtid, ids, silence } of people) {
      const role = mtid === chairman ? words.chair : mtid === speaker ? words.speaker : "";
      for (const id of ids) if (tiles.people.has(id)) tiles.put(id, { role });
      if (ids.includes(me.id)) hush(silence);
    }
    drawButtons();
    lay();
  },
};

/** Whether the chair lets this person open his microphone. */
function mayTalk() {
  const { arrangement: { hold, maytalk = [], spare, mix }, chairman, speaker } = room;
  if (mix?.mode === 2 && !mix.members?.includes(room.me)) return false;
  return !hold || maytalk.includes(room.me) || (spare && [chairman, speaker].includes(room.me));
}

/** Lay out the tiles as the conference is arranged; look again while a poll goes on. */
let layTimer = 0;
function lay() {
  const { style, shown, only } = layoutOf(room, Date.now());
  const tileOf = (mtid) => room.people.find((person) => person.mtid === mtid)?.ids.find((id) => tiles.people.has(id));
  const ids = shown.map(tileOf).filter(Boolean);
  tiles.lay(ids, ids.length ? style : "", only && ids.length > 0);
  clearTimeout(layTimer);
  if (inside && changesByItself(room.arrangement)) layTimer = setTimeout(lay, 1000);
}

const LOUDEST = 35;
let sentVolume = null;
function loudness({ 1: loudspeaker, 2: microphone }) {
  $("mix").volume = (loudspeaker ?? LOUDEST) / LOUDEST;
  if (microphone === undefined || microphone === sentVolume) return;
  sentVolume = microphone;
  call?.volume(Math.round((microphone / LOUDEST) * 100));
}

function hush(value) {
  if ($("mix").muted === value) return;
  $("mix").muted = value;
  notice(value ? words.hushed : words.heard_again);
}

// ---- entering and leaving -------------------------------------------------------------------

async function join(event) {
  event?.preventDefault();
  me = { id: newId(), name: $("name").value.trim() };
  password = $("password")?.value ?? "";
  if (!me.name) return refuse(words.name_wanted);
  $("join").disabled = true;
  try {
    await Promise.race([devices, pause(DEVICES_WITHIN)]);
    const answer = await where(true);
    if (answer.full) return refuse(words.full);
    // A conference in a room could not be begun.
    if (answer.why) return refuse(answer.why);
    // The platform says "wrong", "wanted" or "later" (too many wrong passwords).
    if (answer.password) return refuse(words[`password_${answer.password}`]);
  } catch {
    return refuse(words.away_now);
  } finally {
    $("join").disabled = false;
  }
  remember();
  $("enter").hidden = $("ended").hidden = true;
  $("stage").hidden = $("bar").hidden = false;
  $("moving").hidden = true;
  inside = true;
  say(words.looking);
  follow();
}

function refuse(why) {
  $("enter-error").textContent = why;
  $("enter-error").hidden = false;
}

function remember() {
  try {
    localStorage.setItem("name", me.name);
  } catch {
    // Private windows have no storage.
  }
}

function leave(title = words.left, text = words.close, again = true) {
  inside = false;
  call?.close();
  call = null;
  place = "";
  tiles.clear();
  $("stage").hidden = $("bar").hidden = $("recording").hidden = $("asked").hidden = true;
  $("ended").hidden = false;
  $("ended-title").textContent = title;
  $("ended-text").textContent = text;
  $("again").hidden = !again;
  say("");
}

$("enter").addEventListener("submit", join);
$("leave").addEventListener("click", () => leave());
$("again").addEventListener("click", join);
$("devices-again").addEventListener("click", () => (devices = findDevices()));
$("asked-yes").addEventListener("click", () => {
  setMuted(false);
  call?.mute();
});
$("asked-no").addEventListener("click", () => ($("asked").hidden = true));
$("mic").addEventListener("click", () => {
  setMuted(!media.muted);
  call?.mute();
});
$("cam").addEventListener("click", () => {
  media.video = media.video ? null : camera;
  call?.show();
  tiles.picture(me.id, media.video);
  drawButtons();
});
addEventListener("click", () => inside && $("mix").paused && $("mix").srcObject && $("mix").play().catch(() => {}));
addEventListener("pagehide", () => call?.close());

try {
  $("name").value = start.name || (localStorage.getItem("name") ?? "");
} catch {
  // Private windows have no storage.
}
if (start.state !== "ended") devices = findDevices();
