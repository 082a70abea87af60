// The join page enters a conference, follows it to other units, and leaves it.

import { Call } from "./call.js";
import { Tiles } from "./tiles.js";

const ASK_EVERY = 1000;
const LOOK_EVERY = 5000;
const ANSWER_WITHIN = 4000;
/** Milliseconds after which the page tries a unit again that did not let it in. */
const TRY_AGAIN = 3000;
/** Milliseconds that the page waits for camera and microphone before it enters without them. */
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

async function findDevices() {
  const choices = [{ audio: true, video: { width: 640, height: 360 } }, { audio: true }, { video: true }];
  for (const choice of choices) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(choice);
      media.audio = stream.getAudioTracks()[0] ?? null;
      media.video = camera = stream.getVideoTracks()[0] ?? null;
      break;
    } catch {
      continue;
    }
  }
  const ready = [media.video && "camera", media.audio && "microphone"].filter(Boolean);
  $("devices").textContent = ready.length
    ? `Ready: ${ready.join(" and ")}.`
    : "No camera or microphone: you can join and listen.";
  $("preview-video").hidden = !media.video;
  $("preview-text").textContent = media.video ? "" : "No camera. The others will see your initials.";
  if (media.video) $("preview-video").srcObject = new MediaStream([media.video]);
  drawButtons();
  // The devices came after the entry: enter once more, with them.
  if (inside && ready.length) place = "";
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
    if (answer?.state === "ended" || answer?.state === "refused") return leave("This conference has ended", "You can close this page.");
    if (answer?.password) return leave("The conference asks for its password again", "Reload the page and enter the password.");
    if (answer?.join && placeOf(answer.join) !== place) enter(answer.join);
    if (!answer) say("The platform does not answer; still trying.");
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
  const opened = new Call(join, me, media, (event, ...facts) => call === opened && on[event]?.(...facts));
  call = opened;
  opened.open();
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

// ---- events of the call ---------------------------------------------------------------------

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
  notice(value ? "The chair has switched your loudspeaker off for a while." : "You hear the conference again.");
}

// ---- entering and leaving -------------------------------------------------------------------

async function join(event) {
  event?.preventDefault();
  me = { id: newId(), name: $("name").value.trim() };
  password = $("password")?.value ?? "";
  if (!me.name) return refuse("Please enter your name.");
  $("join").disabled = true;
  try {
    await Promise.race([devices, pause(DEVICES_WITHIN)]);
    const answer = await where(true);
    if (answer.full) return refuse("Nobody else can enter now: all licensed places are in use. Please try again later.");
    const why = {
      wrong: "This password is wrong.",
      wanted: "Please enter the password.",
      later: "Too many wrong passwords. Please wait a minute.",
    }[answer.password];
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
    // Private windows have no storage.
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
  // Private windows have no storage.
}
if (start.state !== "ended") devices = findDevices();
