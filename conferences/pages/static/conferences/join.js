// The join page enters a conference, follows it to other units, and leaves it.

import { BoardPanel } from "./board_panel.js";
import { BreakoutRooms } from "./breakout.js";
import { Room } from "./chair.js";
import { ChatPanel } from "./chat_panel.js";
import { closeDialogs, openDialog, prepareDialogs } from "./controls.js";
import { followLanguage } from "./language.js";
import { Lobby } from "./lobby.js";
import { NotesPanel } from "./notes_panel.js";
import { OwnMedia } from "./own_media.js";
import { $, filled, keep, notice, pause, playTones, randomId, recall, takePassword } from "./page.js";
import { PollsPanel } from "./polls.js";
import { SCREEN } from "./publishing.js";
import { listenForShortcuts } from "./shortcuts.js";
import { Signals } from "./signals.js";
import { Steering } from "./steering.js";
import { Tiles } from "./tiles.js";
import { View, screenTile } from "./view.js";
import { CARRIED_OUT_WITHIN, Whereabouts } from "./whereabouts.js";

/** The libraries of the call are large, and needed with the entry: until then the page does not wait for them. */
const loading = import("./call.js");
const ASK_EVERY = 1000;
const LOOK_EVERY = 5000;
/** Milliseconds after which the page tries a unit again that did not let it in. */
const TRY_AGAIN = 3000;
/** Milliseconds that the page waits for camera and microphone before it enters without them. */
const DEVICES_WITHIN = 4000;

const start = JSON.parse($("start").textContent);
const words = start.words;
const whereabouts = new Whereabouts(start);
const lobby = new Lobby(words);
const tiles = new Tiles(words);
const room = new Room();
let me = { id: "", name: "" };
/** @type {import("./call.js").Call | null} */
let call = null;
let place = "";
/** Lets the page ask at once where it belongs. */
let lookNow = () => {};
let inside = false;
/** Whether the person has been in the conference; one that is booked again later counts as over then. */
let entered = false;

/** Return a new id for one entry; it begins with the visitor's id, by which the platform knows the browser. */
const newId = () => whereabouts.visitor + randomId(4);
/** Return the address of a conference's room on its media unit, by which a move to another unit is seen. */
const placeOf = (join) => `${join.webrtc.url} ${join.webrtc.audioroom}`;

/** Show a sentence about the state of the call. */
function say(text) {
  if ($("state").textContent !== text) $("state").textContent = text;
  document.body.dataset.state = inside ? (call ? "in" : "moving") : "out";
}

const own = new OwnMedia(words, {
  call: () => call,
  isInside: () => inside,
  mayTalk: () => room.mayTalk,
  mayShare: () => room.has("share"),
  drawn: drawOwnTile,
  enterAnew: () => (place = ""),
});

/** Draw what this person sends, as the others see it. */
function drawOwnTile() {
  if (inside && tiles.people.has(me.id)) {
    tiles.picture(me.id, own.sent.video);
    tiles.put(me.id, { muted: own.isSilent });
  }
  view.draw();
}

// ---- where the conference is ----------------------------------------------------------------

/** Follow the conference to its unit while the person wants to be in it; ask until it runs. */
async function follow() {
  while (inside) {
    const answer = await whereabouts.find().catch(() => null);
    if (!inside) return;
    const isOver = answer?.state === "planned" && entered;
    if (isOver || answer?.state === "ended" || answer?.state === "refused") return leave(words.ended, words.close, false);
    if (answer?.password) return leave(words.password_again, words.reload);
    const [refusal, advice] = lobby.hear(answer);
    if (answer) steering.hear(answer);
    if (answer) rooms.hear(answer);
    if (refusal) return leave(refusal, advice);
    $("stage").hidden = lobby.isWaiting;
    for (const part of panels) part.hear(answer);
    if (answer?.join && placeOf(answer.join) !== place) enter(answer.join, (await loading).Call);
    // While sound and pictures flow, a platform that does not answer is nothing to tell.
    if (!answer && !call) say(words.away);
    if (answer?.state === "planned") say(words.planned);
    if (lobby.isWaiting) say(words.waiting);
    await Promise.race([pause(call || lobby.isWaiting ? LOOK_EVERY : ASK_EVERY), new Promise((look) => (lookNow = look))]);
  }
}

/** Enter the conference on its media unit, and leave the unit where it was before. */
function enter(join, Call) {
  call?.close();
  clearTiles();
  entered = true;
  place = placeOf(join);
  // A new id for each entry, so that a session left over from the entry before is not in the way.
  me = { ...me, id: newId() };
  tiles.put(me.id, { name: me.name, me: true });
  sentVolume = undefined;
  const opened = new Call(join, me, own.sent, (event, ...facts) => call === opened && on[event]?.(...facts));
  call = opened;
  own.entered(opened);
  signals.enter();
  opened.open();
  own.draw();
  say(words.entering);
}

/** Remove the tiles of all participants. */
function clearTiles() {
  tiles.clear();
  view.clear();
}

/** Say that the connection is lost, and try the same place again after a while. */
function lost() {
  const tried = place;
  call?.close();
  call = null;
  $("moving").hidden = false;
  say(words.lost);
  lookNow();
  setTimeout(() => {
    if (!call && place === tried) place = "";
  }, TRY_AGAIN);
}

// ---- events of the call ---------------------------------------------------------------------

const view = new View(tiles, words, () => room.arranged((id) => tiles.people.has(id)), (keys) => call?.watch(own.line.isSoundOnly ? new Set() : keys));

const signals = new Signals(tiles, words, room, (signal) => call?.say(signal));
/** Return what a panel needs: how it asks the platform, by this address, and how it tells the other pages what is new. */
const linesOf = (address, of = address) => [
  (fields) => whereabouts.say(address, { name: me.name, ...fields }),
  () => call?.say({ kind: "news", of }),
];
const people = { count: () => tiles.people.size, nameOf: (id) => tiles.people.get(id)?.is.name || words.participant };
/** What people do together, by the names under which pages tell each other that there is something new. */
const together = {
  chat: new ChatPanel(words, ...linesOf("chat")),
  polls: new PollsPanel(words, ...linesOf("polls")),
  notes: new NotesPanel(words, ...linesOf("shared", "notes"), people),
  board: new BoardPanel(words, ...linesOf("shared", "board"), people),
};
const panels = Object.values(together);

const steering = new Steering(tiles, words, room, (fields) => whereabouts.say("steer", fields, CARRIED_OUT_WITHIN));

const rooms = new BreakoutRooms(tiles, words, room, (fields) => whereabouts.say("rooms", fields, CARRIED_OUT_WITHIN), () => lookNow());

const on = {
  /** Say that the page is inside, or inside again. */
  up() {
    const back = !$("moving").hidden;
    $("moving").hidden = true;
    if (back) notice(words.back, 5);
    say(own.sent.audio ? words.inside : words.listening);
  },
  lost,
  refused: (why) => {
    console.warn("the unit refused the entry:", why);
    notice(words.not_entered);
    lost();
  },
  kicked: () => leave(words.removed, words.mistake),
  /** Play the sound of the conference. */
  mix(track) {
    $("mix").srcObject = new MediaStream([track]);
    $("mix").play().catch((why) => why.name === "NotAllowedError" && notice(words.click));
  },
  /** Draw what the mixer says about a participant: the name, and whether it is muted. */
  person(id, is) {
    if (id !== me.id) {
      tiles.put(id, { ...is, isMixed: true });
      view.draw();
    } else own.hearMixer(is.muted);
  },
  /** Note which pictures a participant sends: camera, shared screen, or none. */
  sends(id, name, kinds) {
    if (name && !tiles.people.get(id)?.is.name) tiles.put(id, { name, muted: true });
    const isShown = tiles.people.has(screenTile(id));
    if (!kinds.includes(SCREEN)) tiles.remove(screenTile(id));
    else if (!isShown) {
      tiles.put(screenTile(id), { name, screen: true });
      notice(filled(words.shares, { name: name || words.participant }), 6);
    }
    view.sends(id, kinds);
    // What the video room says may come after the mixer has said that the person is gone.
    if (!kinds.length && !tiles.people.get(id)?.is.isMixed) tiles.remove(id);
  },
  /** Remove the tiles of a participant who has left. */
  gone(id) {
    if (id === me.id) return;
    for (const tile of [id, screenTile(id)]) tiles.remove(tile);
    view.sends(id, []);
  },
  /** Draw whether a participant talks. */
  talks(id, talks) {
    if (!tiles.people.has(id)) return;
    tiles.put(id, { talks });
    if (!talks) return;
    room.talks(id);
    if (id !== me.id) view.talks(id);
    lay();
  },
  /** Show a participant's picture, or none. */
  picture(id, kind, track) {
    const tile = kind === SCREEN ? screenTile(id) : id;
    if (tiles.people.has(tile)) tiles.picture(tile, track);
    view.draw();
  },
  unsent: () => notice(words.no_picture_sent),
  message: ({ text, rounds = 1 }) => (text ? notice(text, 20 * rounds) : ($("notice").hidden = true)),
  unmute: () => ($("asked").hidden = !own.sent.muted),
  willend: ({ minutes }) => notice(minutes === 1 ? words.last_minute : filled(words.minutes_left, { minutes })),
  /** Take the state of the conference: roles, recording, hands, and who is to hear nothing. */
  house(state) {
    room.hear(state, me.id);
    useLoudness();
    const { people, chairman, speaker, recording } = state;
    if (recording === $("recording").hidden) tellRecording(recording);
    for (const { mtid, ids, silence } of people) {
      const role = mtid === chairman ? words.chair : mtid === speaker ? words.speaker : "";
      for (const id of ids) if (tiles.people.has(id)) tiles.put(id, { role });
      if (ids.includes(me.id)) hush(silence);
    }
    signals.hear();
    steering.draw();
    rooms.draw();
    together.chat.allow(room.has("chat"));
    own.draw();
    lay();
  },
  reaction: (id, emoji) => signals.show(id, emoji),
  news(from, of) {
    if (from === me.id) return;
    for (const part of Object.hasOwn(together, of) ? [together[of]] : panels) part.fetch(from);
  },
};

/** Tell the person by text and sound that the recording has begun, or has stopped. */
function tellRecording(isRecorded) {
  $("recording").hidden = !isRecorded;
  notice(isRecorded ? words.recorded : words.recorded_no_more);
  playTones(isRecorded ? [660, 880] : [880, 660]);
}

/** Lay out the tiles as the conference is arranged; look again while a poll goes on. */
let layTimer = 0;
function lay() {
  view.draw();
  clearTimeout(layTimer);
  if (inside && room.changesByItself) layTimer = setTimeout(lay, 1000);
}

let sentVolume;
/** Set how loud this page is played, and sent, as the state of the conference says. */
function useLoudness() {
  const { played, sent } = room.loudness;
  $("mix").volume = played;
  if (sent === undefined || sent === sentVolume) return;
  sentVolume = sent;
  call?.volume(sent);
}

/** Stop or go on playing the sound, as a chair has decided. */
function hush(value) {
  if ($("mix").muted === value) return;
  $("mix").muted = value;
  notice(value ? words.hushed : words.heard_again);
}

// ---- entering and leaving -------------------------------------------------------------------

/** Enter the conference with the values of the form, or show why that is refused. */
async function join(event) {
  event?.preventDefault();
  me = { id: newId(), name: $("name").value.trim() };
  whereabouts.name = me.name;
  whereabouts.password = $("password")?.value ?? "";
  if (!me.name) return refuse(words.name_wanted);
  $("join").disabled = true;
  try {
    await Promise.race([own.opening, pause(DEVICES_WITHIN)]);
    const answer = await whereabouts.find(true);
    if (answer.full) return refuse(words.full);
    // A conference in a room could not be begun.
    if (answer.why) return refuse(answer.why);
    if (answer.entry === "recorded") return openDialog("consent");
    // The platform says "wrong", "wanted" or "later" (too many wrong passwords).
    const [refusal] = lobby.hear(answer);
    if (refusal) return refuse(refusal);
    if (answer.password) return refuse(words[`password_${answer.password}`]);
  } catch {
    return refuse(words.away_now);
  } finally {
    $("join").disabled = false;
  }
  keep("name", me.name);
  $("enter").hidden = $("ended").hidden = true;
  $("stage").hidden = $("bar").hidden = false;
  $("moving").hidden = true;
  $("settings-fields").append($("device-fields"));
  own.fields.meter(false);
  inside = true;
  entered = false;
  say(words.looking);
  follow();
}

/** Show on the form why the person cannot enter. */
function refuse(why) {
  $("enter").hidden = false;
  $("ended").hidden = true;
  $("enter-error").textContent = why;
  $("enter-error").hidden = false;
}

/** Leave the conference, and show why, and whether the person may enter again. */
function leave(title = words.left, text = words.close, again = true) {
  inside = false;
  whereabouts.agrees = false;
  call?.close();
  call = null;
  place = "";
  lobby.show(false);
  steering.hear();
  rooms.hear();
  signals.leave();
  for (const part of panels) part.leave();
  own.release();
  clearTiles();
  closeDialogs();
  $("stage").hidden = $("bar").hidden = $("recording").hidden = $("asked").hidden = $("line").hidden = $("count").hidden = true;
  $("ended").hidden = false;
  $("ended-title").textContent = title;
  $("ended-text").textContent = text;
  $("again").hidden = !again;
  say("");
}

$("enter").addEventListener("submit", join);
$("consent").addEventListener("close", ({ target }) => {
  whereabouts.agrees = target.returnValue === "yes";
  target.returnValue = "";
  if (whereabouts.agrees) join();
});
$("leave").addEventListener("click", () => leave());
$("again").addEventListener("click", (event) => {
  own.open();
  join(event);
});
$("devices-again").addEventListener("click", () => own.open());
$("asked-no").addEventListener("click", () => ($("asked").hidden = true));
prepareDialogs(own.fields);
listenForShortcuts({
  m: () => own.toggleMicrophone(),
  v: () => own.toggleCamera(),
  s: () => own.toggleSharing(),
  h: () => signals.toggle(),
  c: () => together.chat.panel.toggle(),
  o: () => together.polls.panel.toggle(),
  n: () => together.notes.panel.toggle(),
  b: () => together.board.panel.toggle(),
  t: () => view.toggle(),
  f: () => view.toggleFullScreen(),
  p: () => view.togglePictureInPicture(),
  "?": () => openDialog("help"),
}, (isHeld) => own.talkWhileHeld(isHeld));
followLanguage(start.language_cookie, (translated) => {
  Object.assign(words, translated);
  own.fields.draw();
  tiles.redraw();
  signals.draw();
  for (const part of panels) part.redraw();
  rooms.draw();
  own.draw();
  say(inside && call ? (own.sent.audio ? words.inside : words.listening) : "");
});
addEventListener("click", () => inside && $("mix").paused && $("mix").srcObject && $("mix").play().catch(() => {}));
addEventListener("pagehide", () => call?.close());
$("name").value = start.name || recall("name");
const password = takePassword();
if ($("password")) $("password").value = password;
if (start.state !== "ended") own.open();
// Before this line the form would be sent to the server, which knows nothing of it.
$("join").disabled = false;
