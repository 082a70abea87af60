// The chat page connects buttons and keys with the platform. The platform alone holds the true state.

import { Api } from "./api.js";
import { Line } from "./line.js";
import { begin, showPeople } from "./dialogs.js";
import { pickEmoji } from "./emojis.js";
import { answerInvitation, showHead } from "./head.js";
import { List } from "./list.js";
import { $, grow, notice, put, say, start, words } from "./page.js";
import { Talks } from "./talks.js";
import { Unsent } from "./unsent.js";
import { View, bookingText, short } from "./view.js";
import { Sending } from "./sending.js";

const TYPING_INTERVAL_MS = 3000;
const RESEND_AFTER_MS = 10000;
/** Requests refused with these codes are sent again a little later. */
const PASSING_CODES = new Set(["rate", "bad_token"]);

const { me } = start;
const api = new Api(start.api, document.querySelector("[name=csrfmiddlewaretoken]").value);
const unsent = new Unsent(me.id, sessionStorage);
let open = null;
/** The message that the person is answering or editing. */
let about = null;
let lastTyping = 0;

const talks = new Talks(api, me, { changed, listed: () => list.draw(open), failed });
const list = new List(api, talks, me, { look: (id) => openTalk(id, true), find });
const view = new View(api, me, (what, entry, node) => DO[what](entry, node));
const sending = new Sending(api, (talk, data) => request("msg", talk, data));
const line = new Line(signIn, { up, down, heard, refused: (why) => put($("line"), why) });

// ---- connection -----------------------------------------------------------------------------

let signedIn = null;
/** Sign in at the broker, and return its answer; an error with `isFinal` ends further attempts. */
async function signIn() {
  put($("line"), words.connecting);
  try {
    signedIn = await api.send("POST", "login");
  } catch (why) {
    const isFinal = why.status === 401 || why.status === 403;
    throw Object.assign(new Error(isFinal ? words.signed_out : words.away), { isFinal });
  }
  return signedIn;
}

/** Fetch what was missed, and send what waits, because there is a connection again. */
async function up() {
  try {
    await talks.catchUp();
    const { state, contacts } = await api.get("presence");
    if (state !== "offline") $("presence").value = state;
    for (const one of Object.entries(contacts)) list.presences.set(...one);
  } catch (why) {
    failed(why);
    return line.drop();
  }
  put($("line"), "");
  document.body.dataset.line = "up";
  pass("im-up");
  beat();
  for (const one of unsent.waiting()) transmit(one);
  list.draw(open);
  const asked = /^#c=(\d+)$/.exec(location.hash);
  if (asked) history.replaceState(null, "", location.pathname);
  if (asked || open) await openTalk(asked ? asked[1] : open.id);
}

/** Say that the connection is lost. */
function down() {
  talks.lost();
  document.body.dataset.line = "down";
  if ($("line").hidden) put($("line"), words.lost);
}

/** Log an error that needs no action of the person. */
function failed(why) {
  console.warn(why);
}

/** Tell the platform that this page is alive, and which entries it has. */
function beat() {
  line.say("heartbeat", { device: line.device, seqs: talks.seqs });
}

let beating = 0;
/** Send heartbeats as often as the platform has asked for. */
function keepBeating() {
  clearTimeout(beating);
  beating = setTimeout(() => (beat(), keepBeating()), (signedIn?.heartbeat_seconds ?? 30) * 1000);
}

/** Unanswered requests are sent again; the platform recognizes them by their ids. */
setInterval(() => {
  for (const one of unsent.waiting()) if (Date.now() - (one.told ?? one.at) > RESEND_AFTER_MS) transmit(one);
}, 2000);

addEventListener("offline", () => line.drop());
addEventListener("online", () => line.wake());

// ---- received messages ----------------------------------------------------------------------

/** Scripts that other parts add to the page are told what comes over the connection. */
const pass = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

/** Handle a message from the broker. */
function heard({ cmd, data }) {
  pass("im-notice", { cmd, data });
  if (cmd === "msg_ack") onAccepted(data);
  else if (cmd === "msg_refused") onRefused(data);
  else if (cmd === "presence") (list.presences.set(data.user_id, data.state), list.draw(open), drawHead());
  else if (cmd === "notice" && data.what === "booking") bookingText(data) && notice(bookingText(data));
  else talks.heard({ cmd, data });
}

/** Note that the platform has stored a request under this seq. */
function onAccepted({ client_msg_id: id, conversation_id: number, seq }) {
  unsent.placed(id, seq);
  const talk = talks.get(number);
  if (talk?.log.top < seq) talks.repair(talk, seq);
  else unsent.drop(id);
}

/** Show why a request was refused, or keep it if it is to be sent again. */
function onRefused({ client_msg_id: id, code, reason }) {
  const one = [...unsent.waiting()].find(({ data }) => data.client_msg_id === id);
  if (!one) return;
  if (code === "bad_token") line.drop();
  if (PASSING_CODES.has(code)) return;
  if (one.cmd === "msg") unsent.refuse(id, reason);
  else {
    unsent.drop(id);
    notice(reason);
  }
  if (open) drawLog();
}

/** Show the new entries of a conversation. */
function changed(talk, entries) {
  for (const { data } of entries) if (data.publisher_id === me.id) unsent.drop(data.client_msg_id);
  list.draw(open);
  if (talk !== open) return;
  const others = entries.filter(({ cmd, data }) => cmd === "msg" && data.publisher_id !== me.id);
  const news = view.isAtEnd ? 0 : others.length;
  drawHead();
  drawLog();
  if (news) put($("newest"), say(words.new_messages, { n: talk.info.unread }));
  if (entries.some(({ cmd }) => cmd === "member")) talks.meet(talk).then(drawHead, failed);
  seen();
}

// ---- the open conversation ------------------------------------------------------------------

/** Open a conversation. `press`: the person chose it, so the text field gets the focus. */
async function openTalk(id, press = false) {
  const talk = talks.get(id);
  if (!talk) return;
  if (open && open !== talk) open.draft = $("text").value;
  const isOther = open !== talk;
  open = talk;
  document.body.dataset.open = "talk";
  $("talk").hidden = false;
  $("none").hidden = true;
  if (isOther) {
    $("text").value = talk.draft;
    setAbout(null);
    grow($("text"));
  }
  list.draw(open);
  drawHead();
  drawLog();
  if (press && matchMedia("(pointer: fine)").matches) $("text").focus();
  try {
    if (talk.info.state !== "active") return;
    if (talk.log.floor === talk.log.top || isOther) await fill(talk);
    await talks.meet(talk);
  } catch (why) {
    failed(why);
  }
  if (talk !== open) return;
  drawHead();
  drawLog();
  if (isOther) view.toEnd();
  seen();
}

/** Fetch older messages until a screen is full. */
async function fill(talk) {
  const shown = () => [...talk.log.shown()].length;
  for (let more = talk.hasOlder; more && shown() < 30; ) more = await talks.older(talk);
}

/** Open a conversation at one message, however old it is. */
async function find(id, seq) {
  await openTalk(id);
  drawLog();
  while (!view.find(seq) && open?.id === id && (await talks.older(open))) drawLog();
  drawLog();
  view.find(seq);
}

/** Show the head of the open conversation, and tell other parts of the page which one it is. */
function drawHead() {
  if (!open) return;
  showHead(open, list.presences.get(open.info.user_id));
  pass("talk", open.info);
}

/** Draw the messages of the open conversation, and below them those that are not stored yet. */
function drawLog() {
  const waiting = [...unsent.messages(open.id)].filter((one) => !one.seq || one.seq > open.log.top);
  view.draw(open, waiting);
}

let looking = 0;
/** Mark as read what is on the screen. */
function seen() {
  clearTimeout(looking);
  looking = setTimeout(() => {
    if (!open || !line.isUp || document.visibilityState !== "visible" || !view.isAtEnd) return;
    $("newest").hidden = true;
    const seq = talks.read(open);
    if (seq) line.say("read", { conversation_id: open.id, seq });
    list.draw(open);
  }, 200);
}

let fetching = false;
/** Fetch older messages when the person scrolls to the top. */
async function scrolled() {
  seen();
  if (fetching || !open?.hasOlder || $("log").scrollTop > 200) return;
  fetching = true;
  const talk = open;
  try {
    await talks.older(talk);
    if (talk === open) drawLog();
  } catch (why) {
    failed(why);
  } finally {
    fetching = false;
  }
}

// ---- requests -------------------------------------------------------------------------------

/** Send a request, and keep it until the platform answers. */
function request(cmd, talk, data) {
  try {
    const by = cmd === "msg" ? { publisher_id: me.id, publisher_name: me.name } : {};
    transmit(unsent.add(cmd, { conversation_id: talk.id, ...by, ...data }));
  } catch {
    notice(words.full);
    return;
  }
  if (cmd === "msg" && talk === open) {
    drawLog();
    view.toEnd();
  }
}

/** Send a request, if there is a connection, and note when. */
function transmit(one) {
  if (line.say(one.cmd, one.data)) one.told = Date.now();
}

/** Send what the person has written or recorded, as a message, an answer or an edit. */
function send(event) {
  event?.preventDefault();
  const body = $("text").value.trim();
  if (sending.isRecording) return sending.sendVoice(open);
  if (!body || !open) return;
  if (about?.what === "edit") request("edit", open, { msg_id: about.entry.data.msg_id, body });
  else {
    const reply = about ? { reply_to: about.entry.data.msg_id } : {};
    request("msg", open, { type: "text", body, ...reply });
  }
  $("text").value = "";
  setAbout(null);
  grow($("text"));
}

/** Start or end answering or editing a message. */
function setAbout(what, entry) {
  about = what ? { what, entry } : null;
  $("about").hidden = !about;
  if (!about) return;
  const name = entry.data.publisher_id === me.id ? words.you : entry.data.publisher_name;
  const head = what === "edit" ? words.editing : say(words.answer_to, { name });
  $("about").firstElementChild.textContent = `${head}: ${short(entry)}`;
  if (what === "edit") $("text").value = entry.data.body;
  grow($("text"));
  $("text").focus();
}

const DO = {
  reply: (entry) => setAbout("reply", entry),
  edit: (entry) => setAbout("edit", entry),
  recall: ({ data }) => request("recall", open, { msg_id: data.msg_id }),
  react(entry, given) {
    if (given instanceof Node) pickReaction(entry, given);
    else request("react", open, { msg_id: entry.data.msg_id, ...given });
  },
  async hide({ data }) {
    const talk = open;
    try {
      await api.send("DELETE", `conversations/${talk.id}/messages/${data.seq}`);
      talk.log.hide(data.seq);
      drawLog();
    } catch (why) {
      notice(why.message);
    }
  },
  again({ data }) {
    transmit(unsent.again(data.client_msg_id));
    drawLog();
  },
  played({ data }) {
    pass("voice-played", data);
  },
  discard({ data }) {
    unsent.drop(data.client_msg_id);
    drawLog();
  },
};

/** Let the person choose an emoji for a message; one that was chosen before is taken back. */
function pickReaction(entry, button) {
  const isMine = (emoji) => entry.data.reactions.get(emoji)?.has(me.id);
  pickEmoji(button, isMine, (emoji) => DO.react(entry, { emoji, on: !isMine(emoji) }));
}

/** Tell the others, at intervals, that the person is writing. */
function onInput() {
  grow($("text"));
  if (!open || !$("text").value || Date.now() - lastTyping < TYPING_INTERVAL_MS) return;
  lastTyping = Date.now();
  line.say("typing", { conversation_id: open.id });
}

/** Handle keys of the text field: Enter sends, Escape gives up, arrow up edits the last message. */
function onKey(event) {
  const isEmpty = !$("text").value;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  else if (event.key === "Escape") (setAbout(null), sending.giveUp());
  else if (event.key === "ArrowUp" && isEmpty && open) {
    const own = open.log.lastTextBy(me.id);
    if (own) (event.preventDefault(), setAbout("edit", own));
  }
}

// ---- buttons and keys -----------------------------------------------------------------------

$("say").addEventListener("submit", send);
$("text").addEventListener("input", onInput);
$("text").addEventListener("keydown", onKey);
$("text").addEventListener("paste", ({ clipboardData }) => sending.files(open, clipboardData.files));
$("talk").addEventListener("dragover", (event) => event.preventDefault());
$("talk").addEventListener("drop", (event) => {
  event.preventDefault();
  sending.files(open, event.dataTransfer.files);
});
$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  sending.files(open, $("file").files);
  $("file").value = "";
});
$("voice").addEventListener("click", () => (sending.isRecording ? sending.sendVoice(open) : sending.record()));
$("about-none").addEventListener("click", () => {
  if (about?.what === "edit") $("text").value = "";
  setAbout(null);
  grow($("text"));
});
$("sending-stop").addEventListener("click", () => sending.giveUp());
$("log").addEventListener("scroll", scrolled, { passive: true });
$("newest").addEventListener("click", () => (view.toEnd(), seen()));
$("back").addEventListener("click", () => {
  document.body.dataset.open = "list";
  list.focus(open);
});
$("presence").addEventListener("change", () => line.say("presence", { state: $("presence").value }));
$("new").addEventListener("click", () => begin(api, async (id) => (await talks.load(), openTalk(id, true))));
$("people-button").addEventListener("click", () => {
  talks.meet(open).then(() => showPeople(api, me, open, () => talks.meet(open).then(drawHead)), failed);
});
$("invitation").addEventListener("click", async ({ target }) => {
  const { id } = open;
  if (!(await answerInvitation(api, id, me.id, target.dataset.do))) return;
  await talks.load().catch(failed);
  openTalk(id);
});
addEventListener("visibilitychange", seen);
addEventListener("focus", seen);

keepBeating();
line.open();

