// Calls on a page: it rings, answers, calls, and shows the talk. The platform alone knows how a call stands: of what
// it tells of a call the highest version counts, in whatever order notices come.

import { Api } from "../im/api.js";
import { Line } from "../im/line.js";
import { showCaller } from "../im/title.js";
import { $, device, me, put, say, setup, words } from "./call_page.js";
import { CallView } from "./call_view.js";
import { INCOMING, OUTGOING, RingTone } from "./ring_tone.js";

const HEARTBEAT = 30000;
/** Milliseconds after which the page looks whether a call that should be over still rings. */
const GRACE = 1500;
const TRIES = 10;
const PATIENCE = 2000;
const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
const api = new Api(setup.api, csrf);
const view = new CallView(api, me, words, (id) => hangUp(id));
const ring = new RingTone(INCOMING);
const ringback = new RingTone(OUTGOING);

/** What this page knows of each call. */
const known = new Map();
/** The call that this page takes part in, from the first ring to its end; `null`: none. */
let current = null;
/** The call that the ringing dialog shows. */
let shown = null;
/** Calls that this page has said it rings for. */
const rung = new Set();
/** Calls that the person has declined or left here: whatever the platform still tells of them, they are over. */
const over = new Set();

/** Whether a call has not been answered yet. */
const waits = ({ state }) => state === "inviting" || state === "ringing";
/** Whether a call waits for this person to answer it. */
const isIncoming = (call) => call.callee.user_id === me.id && waits(call) && !over.has(call.call_id);
/** Return the person at the other end of a call. */
const other = (call) => (call.caller.user_id === me.id ? call.callee : call.caller);

/** Whether this page, and not another device of the person, has the call. */
function isHere(call) {
  if (call.state === "ended" || over.has(call.call_id)) return false;
  if (call.callee.user_id === me.id) return call.answered_by === device;
  return call.call_id === call.session_id && call.caller_device === device;
}

// ---- what the platform tells ---------------------------------------------------------------------

/** Store what the platform says of a call, unless something newer is known, and show it. */
function take(call) {
  const before = known.get(call.call_id);
  if (before && before.version >= call.version) return;
  known.set(call.call_id, call);
  draw();
}

/** Show the calls as they stand: the one that rings, and the one that this page takes part in. */
function draw() {
  const incoming = [...known.values()].find((call) => isIncoming(call) && call.call_id !== current?.call_id);
  drawRinging(incoming ?? null);
  const now = current && known.get(current.call_id);
  if (now?.state === "ended") finished(now);
  else if (now) current = now;
  const here = current ?? [...known.values()].find(isHere);
  if (here) drawTalk(here);
}

/** Ring for an incoming call, or stop ringing (`null`). */
function drawRinging(call) {
  document.body.dataset.ringing = call ? "on" : "off";
  if (!call) {
    shown = null;
    showCaller("");
    ring.stop();
    if ($("ringing").open) $("ringing").close();
    return;
  }
  if (!rung.has(call.call_id)) {
    rung.add(call.call_id);
    api.send("POST", `calls/${call.call_id}/ringing`).then(taken, failed);
    setTimeout(resync, Math.max(0, Date.parse(call.ring_until) - Date.now()) + GRACE);
  }
  if (shown?.call_id === call.call_id) return;
  shown = call;
  $("ringing-who").textContent = say(words.calls_you, { name: call.caller.name });
  showCaller($("ringing-who").textContent);
  $("ringing").showModal();
  $("ringing-accept").focus();
  ring.start();
}

/** Show the call that this page takes part in; once it is answered, enter its conference. */
function drawTalk(call) {
  current = call;
  openView(other(call).name);
  if (waits(call)) {
    $("call-state").textContent = call.state === "ringing" ? words.ringing : words.calling;
    ringback.start();
    return;
  }
  ringback.stop();
  if (!$("call-view").dataset.media) $("call-state").textContent = words.connecting;
  $("call-add").hidden = false;
  view.enter(call);
}

/** Show how the call has ended; after a call that was not answered offer what can be done now. */
function finished(call) {
  const isCaller = call.caller.user_id === me.id;
  current = null;
  ringback.stop();
  view.close();
  document.dispatchEvent(new CustomEvent("call-ended", { detail: call }));
  if (!isCaller || call.answered_at) return closeView();
  $("call-state").textContent = say(words[call.reason] ?? words.failed, { name: call.callee.name });
  $("call-bar").hidden = true;
  $("call-after").hidden = false;
  $("call-after").dataset.call = call.call_id;
  $("call-again").dataset.user = call.callee.user_id;
  $("call-again").dataset.name = call.callee.name;
  $("call-message").hidden = !setup.voicemail_after.includes(call.reason);
}

// ---- what the person does ------------------------------------------------------------------------

/** Store the call in an answer of the API, and return it. */
function taken({ call }) {
  take(call);
  return call;
}

/** Log an error that needs no action of the person. */
function failed(why) {
  console.warn(why);
}

/** Call a person, unless this page is in a call; show why if the platform refuses it. */
async function callPerson(user, name, video) {
  if (current) return;
  openView(name);
  $("call-state").textContent = words.calling;
  await view.prepare(video);
  try {
    const call = taken(await api.send("POST", "calls", { user, device }));
    current = call;
    draw();
  } catch (why) {
    view.close();
    $("call-state").textContent = why.message;
    $("call-bar").hidden = true;
    $("call-after").hidden = false;
    $("call-message").hidden = true;
    Object.assign($("call-again").dataset, { user, name });
  }
}

/** Answer the call that rings, with or without the own camera; another call is ended before. */
async function accept(video = false) {
  const call = shown;
  if (!call) return;
  if (current) await hangUp(current.call_id);
  ring.stop();
  $("ringing").close();
  openView(call.caller.name);
  $("call-state").textContent = words.connecting;
  await view.prepare(video);
  try {
    current = call;
    taken(await api.send("POST", `calls/${call.call_id}/answer`, { device }));
  } catch (why) {
    current = null;
    view.close();
    closeView();
    complain(words[why.code] ? say(words[why.code], { name: call.caller.name }) : why.message);
    resync();
  }
}

/** Decline the call that rings. */
function decline() {
  const call = shown;
  if (!call) return;
  over.add(call.call_id);
  drawRinging(null);
  insist(`calls/${call.call_id}/decline`);
}

/** End a call: at once on this page, and at the platform as soon as it can be reached. */
async function hangUp(id = current?.call_id) {
  if (!id) return;
  ringback.stop();
  view.close();
  current = null;
  over.add(id);
  closeView();
  await insist(`calls/${id}/hangup`);
}

/** Send what must not be lost, again and again while the platform does not answer. */
async function insist(path) {
  for (let left = TRIES; left; left--) {
    try {
      return taken(await api.send("POST", path));
    } catch (why) {
      if (why.status) return failed(why);
      await new Promise((done) => setTimeout(done, PATIENCE));
    }
  }
}

/** Add the people whom the form names to the running call. */
async function addPeople(event) {
  event.preventDefault();
  const names = $("call-names").value.split(/[,，]/).map((name) => name.trim()).filter(Boolean);
  try {
    const people = new Api(setup.im, csrf);
    const found = await Promise.all(names.map((name) => people.get(`people?name=${encodeURIComponent(name)}`)));
    const users = found.map(({ person }) => person.user_id);
    await api.send("POST", `calls/${current.call_id}/people`, { users, device });
    $("call-people").close();
  } catch (why) {
    put($("call-people-error"), why.message);
  }
}

// ---- the panel -----------------------------------------------------------------------------------

/** Show the panel of a call with the name of the other person. */
function openView(name) {
  $("call-name").textContent = name;
  $("call-after").hidden = true;
  $("call-bar").hidden = false;
  $("call-view").hidden = false;
}

/** Hide the panel of the call. */
function closeView() {
  $("call-view").hidden = true;
  $("call-add").hidden = true;
  $("call-state").textContent = "";
}

/** Show a notice for six seconds. */
function complain(text) {
  put($("call-notice"), text);
  setTimeout(() => put($("call-notice"), ""), 6000);
}

// ---- the connection ------------------------------------------------------------------------------

/** Ask for all calls that have not ended, and for the outcome of those that this page believes in. */
async function resync() {
  try {
    const { calls } = await api.get("calls?live=true");
    const live = new Set(calls.map(({ call_id: id }) => id));
    const gone = [...known.values()].filter(({ call_id: id, state }) => state !== "ended" && !live.has(id));
    for (const { call_id: id } of gone) taken(await api.get(`calls/${id}`));
    if (!current && calls.some((call) => isHere(call) && !waits(call))) await view.prepare(false);
    for (const call of calls) take(call);
  } catch (why) {
    failed(why);
  }
}

/** Handle a message from the broker: a notice about a call, or what the other browser signals. */
function heard({ cmd, data }) {
  if (cmd === "call.signal") {
    if (data.user_id !== me.id) view.signal(data.call_id, data.data);
  } else if (cmd.startsWith("call.")) take(data);
  document.dispatchEvent(new CustomEvent("social-notice", { detail: { cmd, data } }));
}

/** The chat page has a connection, and passes on what comes over it; other pages open one of their own. */
function connect() {
  document.addEventListener("im-notice", ({ detail }) => heard(detail));
  document.addEventListener("im-up", resync);
  if (document.body.classList.contains("chat")) return;
  const im = new Api(setup.im, csrf);
  const line = new Line(() => im.send("POST", "login"), {
    up: () => (beat(), resync()),
    down: () => {},
    heard,
    refused: failed,
  });
  const beat = () => line.say("heartbeat", { device: line.device, seqs: {} });
  setInterval(beat, HEARTBEAT);
  line.open();
}

$("ringing-accept").addEventListener("click", () => accept());
$("ringing-video").addEventListener("click", () => accept(true));
$("ringing-decline").addEventListener("click", decline);
$("ringing").addEventListener("cancel", (event) => (event.preventDefault(), decline()));
$("call-hangup").addEventListener("click", () => hangUp());
$("call-close").addEventListener("click", closeView);
$("call-again").addEventListener("click", ({ currentTarget: { dataset } }) => callPerson(dataset.user, dataset.name, false));
$("call-add").addEventListener("click", () => ($("call-names").value = "", put($("call-people-error"), ""), $("call-people").showModal()));
$("call-people").querySelector("form").addEventListener("submit", addPeople);
$("call-people-close").addEventListener("click", () => $("call-people").close());
addEventListener("visibilitychange", () => document.visibilityState === "visible" && resync());
addEventListener("pagehide", () => view.close());

/** Any element with `data-call-user` (a person's id) calls that person when pressed. */
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-call-user]");
  const group = target.closest("[data-call-group]")?.dataset.callGroup;
  if (group) callGroup(group);
  else if (button) callPerson(button.dataset.callUser, button.dataset.callName, button.dataset.callVideo === "yes");
});

/** Call all members of a group: into a conference, whose page opens beside this one. */
async function callGroup(number) {
  const page = open("", "_blank");
  try {
    const { link } = await api.send("POST", "calls/group", { conversation_id: number });
    if (page) page.location = link;
    else location.assign(link);
  } catch (why) {
    page?.close();
    complain(why.message);
  }
}

/** The chat page says which conversation is open: it gets buttons to call the person, or the members of a group. */
document.addEventListener("talk", ({ detail: info }) => {
  const place = $("talk-tools");
  const isGroup = info.kind === "group";
  place.hidden = info.state !== "active" || info.closed || !(info.user_id || isGroup);
  if (!place.childElementCount) place.append($("call-buttons").content.cloneNode(true));
  for (const button of place.children) {
    button.hidden = isGroup && button.dataset.callVideo === "yes";
    if (isGroup) delete button.dataset.callUser;
    else Object.assign(button.dataset, { callUser: info.user_id ?? "", callName: info.name });
    button.dataset.callGroup = isGroup ? info.conversation_id : "";
  }
});

connect();
resync();
