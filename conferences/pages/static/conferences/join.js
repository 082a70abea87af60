// The join page: enters, follows the conference wherever it moves, and leaves.

import { Call } from "./call.js";
import { Tiles } from "./tiles.js";

const ASK_EVERY = 1000;
const LOOK_EVERY = 5000;
const ANSWER_WITHIN = 4000;
/** A place that was tried in vain is tried again after so long. */
const TRY_AGAIN = 3000;
/** Who has not yet allowed camera and microphone after so long enters as a listener for now. */
const DEVICES_WITHIN = 4000;

const $ = (id) => document.getElementById(id);
const start = JSON.parse($("start").textContent);
const tiles = new Tiles();
const media = { audio: null, video: null, muted: false };
let me = { id: "", name: "" };
let password = "";
let call = null;
let place = "";
let inside = false;
let camera = null;

const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
/** Found, or refused, or not yet answered by the person. */
let devices = Promise.resolve();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
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

async function findDevices() {
  const wishes = [{ audio: true, video: { width: 640, height: 360 } }, { audio: true }, { video: true }];
  for (const wish of wishes) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wish);
      media.audio = stream.getAudioTracks()[0] ?? null;
      media.video = camera = stream.getVideoTracks()[0] ?? null;
      break;
    } catch {
      continue;
    }
  }
  const found = [media.video && "camera", media.audio && "microphone"].filter(Boolean);
  $("devices").textContent = found.length
    ? `Ready: ${found.join(" and ")}.`
    : "No camera or microphone: you can join and listen.";
  $("preview-video").hidden = !media.video;
  $("preview-text").textContent = media.video ? "" : "No camera. The others will see your initials.";
  if (media.video) $("preview-video").srcObject = new MediaStream([media.video]);
  drawButtons();
  // They came late: enter once more, with them.
  if (inside && found.length) place = "";
}

function drawButtons() {
  const silent = media.muted || !media.audio;
  $("mic").disabled = !media.audio;
  $("mic").setAttribute("aria-pressed", String(silent));
  $("mic").lastElementChild.textContent = media.audio ? (silent ? "Unmute" : "Mute") : "No microphone";
  $("cam").disabled = !camera;
  $("cam").setAttribute("aria-pressed", String(!media.video));
  $("cam").lastElementChild.textContent = camera ? (media.video ? "Camera off" : "Camera on") : "No camera";
}

function setMuted(value) {
  media.muted = value;
  if (media.audio) media.audio.enabled = !value;
  tiles.put(me.id, { muted: value || !media.audio });
  drawButtons();
}

// ---- where the conference is ----------------------------------------------------------------

/** The site that answered last is asked first; one that is away, or does not serve it, is passed over. */
async function where(entering = false) {
  for (const at of [...start.where]) {
    const found = await ask(at, entering).catch(() => null);
    if (!found) continue;
    start.where = [at, ...start.where.filter((other) => other !== at)];
    return found;
  }
  throw new Error("no site answers");
}

async function ask(at, entering) {
  const signal = AbortSignal.timeout(ANSWER_WITHIN);
  const wish = { headers: { Accept: "application/json" }, cache: "no-store", signal };
  if (start.password) {
    wish.method = "POST";
    wish.body = new URLSearchParams({ password });
  }
  const more = entering ? `${at.includes("?") ? "&" : "?"}entering=1` : "";
  const reply = await fetch(at + more, wish);
  const found = await reply.json();
  return reply.status < 500 || found.full ? found : null;
}

/** Go where the conference is, as long as we want to be in it; ask until it runs again. */
async function follow() {
  while (inside) {
    const found = await where().catch(() => null);
    if (!inside) return;
    if (found?.state === "ended" || found?.state === "refused") return leave("This conference has ended", "You can close this page.");
    if (found?.password) return leave("The password is asked again", "Reload the page and enter it.");
    if (found?.join && placeOf(found.join) !== place) enter(found.join);
    if (!found) say("The platform does not answer; still trying.");
    await pause(call ? LOOK_EVERY : ASK_EVERY);
  }
}

function enter(join) {
  call?.close();
  tiles.clear();
  place = placeOf(join);
  // A new place knows nobody: another id, so that a ghost of the old one is not in the way.
  me = { ...me, id: newId() };
  tiles.put(me.id, { name: me.name, me: true, muted: media.muted || !media.audio });
  tiles.picture(me.id, media.video);
  const mine = new Call(join, me, media, (what, ...said) => call === mine && on[what]?.(...said));
  call = mine;
  mine.open();
  say("Entering…");
}

function lost() {
  const tried = place;
  call?.close();
  call = null;
  $("moving").hidden = false;
  say("The connection was lost. Looking for the conference…");
  setTimeout(() => {
    if (!call && place === tried) place = "";
  }, TRY_AGAIN);
}

// ---- what happens in it ---------------------------------------------------------------------

const on = {
  up() {
    const back = !$("moving").hidden;
    $("moving").hidden = true;
    if (back) notice("The conference goes on. You are back.", 5);
    say(media.audio ? "You are in the conference." : "You are in the conference and can listen.");
  },
  lost,
  refused: (why) => {
    notice(`The conference could not be entered: ${why}`);
    lost();
  },
  kicked: () => leave("You were removed from the conference", "If that was a mistake, join again.", true),
  mix(track) {
    $("mix").srcObject = new MediaStream([track]);
    $("mix").play().catch((why) => why.name === "NotAllowedError" && notice("Click anywhere to hear the others."));
  },
  person(id, is) {
    if (id !== me.id) tiles.put(id, is);
    else if (media.audio && is.muted !== media.muted) {
      setMuted(is.muted);
      notice(is.muted ? "Your microphone was muted by the chair." : "Your microphone is on again.");
    }
  },
  seen: (id, name) => tiles.people.get(id)?.is.name || tiles.put(id, { name, muted: true }),
  gone: (id) => id !== me.id && tiles.remove(id),
  talks: (id, talks) => tiles.people.has(id) && tiles.put(id, { talks }),
  picture: (id, track) => (track || tiles.people.has(id)) && tiles.picture(id, track),
  note: (text) => notice(text),
  message: ({ text }) => notice(text, 20),
  willend: ({ minutes }) => notice(minutes === 1 ? "The conference ends in one minute." : `The conference ends in ${minutes} minutes.`),
  house({ people, chairman, speaker, recording }) {
    $("recording").hidden = !recording;
    for (const { mtid, ids, silence } of people) {
      const role = mtid === chairman ? "chair" : mtid === speaker ? "speaker" : "";
      for (const id of ids) if (tiles.people.has(id)) tiles.put(id, { role });
      if (ids.includes(me.id)) hush(silence);
    }
  },
};

function hush(value) {
  if ($("mix").muted === value) return;
  $("mix").muted = value;
  notice(value ? "The chair has closed your loudspeaker for a while." : "You hear the conference again.");
}

// ---- coming and leaving ---------------------------------------------------------------------

async function join(event) {
  event?.preventDefault();
  me = { id: newId(), name: $("name").value.trim() };
  password = $("password")?.value ?? "";
  if (!me.name) return refuse("Please enter your name.");
  $("join").disabled = true;
  try {
    await Promise.race([devices, pause(DEVICES_WITHIN)]);
    const found = await where(true);
    if (found.full) return refuse("Nobody more can enter now: all licensed places are taken. Please try again later.");
    const why = {
      wrong: "This password is not right.",
      wanted: "Please enter the password.",
      later: "Too many wrong passwords. Please wait a minute.",
    }[found.password];
    if (why) return refuse(why);
  } catch {
    return refuse("The platform does not answer. Please try again.");
  } finally {
    $("join").disabled = false;
  }
  remember();
  $("enter").hidden = $("ended").hidden = true;
  $("stage").hidden = $("bar").hidden = false;
  $("moving").hidden = true;
  inside = true;
  say("Looking for the conference…");
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
    // Private windows have no memory.
  }
}

function leave(title = "You have left the conference", text = "You can close this page.", again = true) {
  inside = false;
  call?.close();
  call = null;
  place = "";
  tiles.clear();
  $("stage").hidden = $("bar").hidden = $("recording").hidden = true;
  $("ended").hidden = false;
  $("ended-title").textContent = title;
  $("ended-text").textContent = text;
  $("again").hidden = !again || title.includes("ended");
  say("");
}

$("enter").addEventListener("submit", join);
$("leave").addEventListener("click", () => leave());
$("again").addEventListener("click", join);
$("mic").addEventListener("click", () => {
  setMuted(!media.muted);
  call?.mute(media.muted);
});
$("cam").addEventListener("click", () => {
  media.video = media.video ? null : camera;
  call?.show(media.video);
  tiles.picture(me.id, media.video);
  drawButtons();
});
addEventListener("click", () => inside && $("mix").paused && $("mix").srcObject && $("mix").play().catch(() => {}));
addEventListener("pagehide", () => call?.close());

try {
  $("name").value = start.name || (localStorage.getItem("name") ?? "");
} catch {
  // Private windows have no memory.
}
if (start.state !== "ended") devices = findDevices();
