// The messages of the open conversation. What people write is inserted as text only, never as markup.

import { $, arrange, bytes, clock, day, made, minutes, part, put, putWritten, say, words } from "./page.js";
import { seqOf } from "./log.js";

const RECALL_WITHIN = 120_000;
const LEADS = new Set(["owner", "admin"]);

/** `does(what, entry, node)` is called when a button of a message is pressed. */
export class View {
  /** `me`: the person who looks at the page. */
  constructor(api, me, does) {
    this.#api = api;
    this.#me = me;
    this.#does = does;
  }
  #api;
  #me;
  #does;
  #nodes = new Map();
  #shows = null;

  /** Draw a conversation; a person who reads at the end stays there. */
  draw(talk, unsent) {
    const list = $("log");
    if (this.#shows !== talk.id) this.#begin(talk, list);
    const wasAtEnd = this.isAtEnd;
    const below = list.scrollHeight - list.scrollTop;
    const nodes = [];
    let today = "";
    for (const entry of talk.log.shown()) {
      const date = day(entry.data.sent_at);
      if (date !== today) nodes.push(this.#line(`day ${date}`, date));
      today = date;
      nodes.push(entry.cmd === "msg" ? this.#message(talk, entry) : this.#event(entry));
    }
    for (const one of unsent) nodes.push(this.#waiting(talk, one));
    const grewAbove = this.#first !== undefined && nodes.indexOf(this.#first) > 0;
    arrange(list, nodes);
    this.#first = nodes[0];
    if (wasAtEnd) list.scrollTop = list.scrollHeight;
    else if (grewAbove) list.scrollTop = list.scrollHeight - below;
  }
  #first;

  /** Empty the view, to show another conversation. */
  #begin(talk, list) {
    this.#shows = talk.id;
    this.#nodes.clear();
    this.#first = undefined;
    list.replaceChildren();
  }

  /** Whether the latest message is on the screen, or nearly. */
  get isAtEnd() {
    const list = $("log");
    return list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  }

  /** Scroll to the latest message. */
  toEnd() {
    $("log").scrollTop = $("log").scrollHeight;
  }

  /** Scroll to a message; return false if it is not here. */
  find(seq) {
    const node = this.#nodes.get(String(seq));
    if (!node) return false;
    node.scrollIntoView({ block: "center" });
    node.focus();
    node.classList.add("found");
    setTimeout(() => node.classList.remove("found"), 2000);
    return true;
  }

  /** Return the element with this key, which `make` creates the first time. */
  #node(key, make) {
    if (!this.#nodes.has(key)) this.#nodes.set(key, make());
    return this.#nodes.get(key);
  }

  /** Return the line between messages with this key, such as a day, with this text. */
  #line(key, text) {
    const node = this.#node(key, () => made("a-line"));
    put(node.firstElementChild, text);
    return node;
  }

  // ---- what happened to the conversation ------------------------------------------------------

  /** Return the line that says what happened to the conversation; hidden if that is not to be shown. */
  #event({ data }) {
    const node = this.#line(String(data.seq), eventText(data, this.#me));
    node.hidden = !node.firstElementChild.textContent;
    return node;
  }

  // ---- messages -------------------------------------------------------------------------------

  /** Return the element of a message, filled with its present state. */
  #message(talk, entry) {
    const { data } = entry;
    const node = this.#node(String(data.seq), () => this.#made(data));
    const mine = data.publisher_id === this.#me.id;
    node.classList.toggle("mine", mine);
    node.classList.toggle("gone", Boolean(data.recalled_seq));
    put(part(node, "author"), mine || talk.isDirect ? "" : data.publisher_name);
    node.querySelector(".below time").textContent = clock(data.sent_at);
    put(part(node, "edited"), data.edited_seq && !data.recalled_seq ? words.edited : "");
    put(part(node, "state"), mine && !data.recalled_seq ? readBy(talk, data.seq, this.#me) : "");
    this.#content(node, talk, data);
    this.#reactions(node, entry);
    this.#acts(node, talk, entry, mine);
    return node;
  }

  /** Return a new, empty element of a message. */
  #made(data) {
    const node = made("a-message");
    node.dataset.seq = data.seq ?? "";
    return node;
  }

  /** Fill in what a message contains: text, picture, sound, file, or the message that it answers. */
  #content(node, talk, data) {
    const { type, recalled_seq: gone, file_id: id } = data;
    const file = gone ? null : data.file ?? (id && { name: data.body, size: 0 });
    const kind = file ? type : "text";
    putWritten(part(node, "body"), gone ? words.recalled : kind === "text" ? data.body : "");
    this.#picture(part(node, "picture"), kind === "image" && file, id);
    this.#voice(part(node, "voice"), kind === "voice" && file, id, data);
    this.#file(part(node, "file"), kind === "file" && file, id);
    this.#quote(part(node, "quote"), talk, gone ? null : data.reply_to);
  }

  /** Show the thumbnail of a picture, with a link to the whole; hide it without one. */
  #picture(link, file, id) {
    link.hidden = !file;
    if (!file || link.dataset.id === id) return;
    link.dataset.id = id;
    link.href = `${this.#api.at}files/${id}`;
    const image = link.firstElementChild;
    const shrink = Math.min(1, 320 / Math.max(file.width, file.height));
    image.width = Math.round(file.width * shrink);
    image.height = Math.round(file.height * shrink);
    image.alt = file.name;
    image.src = `${link.href}/thumbnail`;
  }

  /** Show the player of a voice message or voicemail; hide it without one. */
  #voice(audio, file, id, data) {
    audio.hidden = !file;
    if (!file || audio.dataset.id === id) return;
    audio.dataset.id = id;
    audio.src = `${this.#api.at}files/${id}`;
    audio.onplay = () => this.#does("played", { data });
    audio.setAttribute("aria-label", `${data.call_id ? words.voicemail : words.voice} ${file.duration_ms ? minutes(file.duration_ms) : ""}`);
  }

  /** Show the link to a file; hide it without one. */
  #file(link, file, id) {
    link.hidden = !file;
    if (!file) return;
    link.href = `${this.#api.at}files/${id}`;
    link.children[0].textContent = file.name;
    link.children[1].textContent = file.size ? bytes(file.size) : "";
  }

  /** Show the message that this one answers; pressing it scrolls there. */
  #quote(node, talk, msgId) {
    const quoted = msgId && talk.log.now(seqOf(msgId));
    put(node, quoted ? `${quoted.data.publisher_name}: ${short(quoted)}` : "");
    node.onclick = () => this.find(seqOf(msgId));
  }

  /** Show each emoji with the number of people who chose it; pressing it adds or removes the own. */
  #reactions(node, entry) {
    const place = part(node, "reactions");
    const buttons = [...entry.data.reactions].map(([emoji, people]) => {
      const mine = people.has(this.#me.id);
      const button = this.#button(place, `react ${emoji}`, `${emoji} ${people.size}`);
      button.setAttribute("aria-pressed", String(mine));
      button.onclick = () => this.#does("react", entry, { emoji, on: !mine });
      return button;
    });
    arrange(place, buttons);
  }

  /** Show the buttons of what the person may do with a message: answer, react, edit, recall, hide. */
  #acts(node, talk, entry, mine) {
    const { data } = entry;
    const leads = !talk.isDirect && LEADS.has(talk.info.role);
    const fresh = Date.now() - Date.parse(data.sent_at) < RECALL_WITHIN;
    const place = part(node, "acts");
    const can = data.recalled_seq || talk.info.closed ? [] : ["reply", "react"];
    if (can.length && mine && data.type === "text") can.push("edit");
    if (can.length && ((mine && fresh) || leads)) can.push("recall");
    const buttons = [...can, "hide"].map((what) => {
      const button = this.#button(place, what, words[what]);
      button.onclick = () => this.#does(what, entry, button);
      return button;
    });
    arrange(place, buttons);
  }

  /** Return the button for an action in this place, which is created if there is none; set its text. */
  #button(place, what, text) {
    const known = [...place.children].find((one) => one.dataset.what === what);
    const button = known ?? document.createElement("button");
    button.type = "button";
    button.dataset.what = what;
    put(button, text);
    return button;
  }

  // ---- what is not in the log yet -------------------------------------------------------------

  /** Return the element of a message that is not stored yet, or was refused. */
  #waiting(talk, one) {
    const { data, refused } = one;
    const node = this.#node(data.client_msg_id, () => this.#made(data));
    node.classList.add("mine");
    node.classList.toggle("waits", !refused);
    put(part(node, "author"), "");
    node.querySelector(".below time").textContent = clock(one.at);
    put(part(node, "state"), refused ? say(words.not_sent, { why: refused }) : words.sending);
    this.#content(node, talk, { ...data, file: null, type: "text", body: data.body });
    const place = part(node, "failed");
    place.hidden = !refused;
    const buttons = ["again", "discard"].map((what) => {
      const button = this.#button(place, what, words[what]);
      button.onclick = () => this.#does(what, one, button);
      return button;
    });
    arrange(place, refused ? buttons : []);
    return node;
  }
}

/** Return who has read a message of the person's own. */
function readBy(talk, seq, me) {
  const readers = [...talk.log.read].filter(([person, upto]) => person !== me.id && upto >= seq).length;
  if (!readers) return words.sent;
  return talk.isDirect ? words.read : say(words.read_by, { n: readers });
}

/** Return a message in one line. */
export function short({ data }) {
  if (data.recalled_seq) return words.recalled;
  if (data.what === "missed") return words.call_missed;
  if (data.type === "text") return data.body;
  return data.type === "file" ? data.body || words.file : words[data.type];
}

const EVENTS = {
  created: "created",
  added: "added",
  joined: "joined",
  left: "left",
  removed: "removed",
  invited: "invited_by",
  asked: "asked_in",
  changed: "changed",
  dissolved: "dissolved",
  pinned: "pinned",
};

/** Return what became of a call, for the person who sees it. */
function callText(data, me) {
  const name = data.publisher_name;
  const isCaller = data.caller_id === me.id;
  if (data.what === "missed") return isCaller ? words.call_unanswered : say(words.call_missed_from, { name });
  if (data.what !== "ended") return "";
  const hasTalked = data.seconds || data.reason === "hung_up";
  return hasTalked ? say(words.call_lasted, { time: minutes(data.seconds * 1000) }) : words.call_ended;
}

/** Return the text of an event; "" if the event is not shown. */
export function eventText(data, me) {
  if (data.call_id) return callText(data, me);
  const nameOf = (id, name) => (id === me.id ? words.you : name);
  const by = nameOf(data.publisher_id, data.publisher_name);
  const others = (data.users ?? []).map((one) => nameOf(one.user_id, one.name)).join(", ");
  const more = (data.count ?? 0) - (data.users ?? []).length;
  const named = { name: by, others: more > 0 ? say(words.and_more, { names: others, n: more }) : others };
  if (data.what === "changed" && data.name) return say(words.renamed, { name: by, new: data.name });
  return say(words[EVENTS[data.what]] ?? "", named);
}

/** Return what has become of a conference that the person has booked; "" if nothing is to be said. */
export function bookingText({ change, confname, starttime }) {
  const text = words[`booking_${change}`];
  return text ? say(text, { name: confname, when: `${day(starttime)} ${clock(starttime)}` }) : "";
}
