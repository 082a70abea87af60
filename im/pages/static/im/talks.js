// All conversations of the person: what the list shows, and the log of each. It takes what the connection receives,
// fetches what is missing, and notifies the page of changes.

import { Log } from "./log.js";

const PAGE = 500;
const HISTORY = 50;
const REPAIR_AFTER = 300;
const READ_SHOWN_UP_TO = 500;

/** A conversation. */
class Talk {
  /** `info`: the conversation as the platform's API describes it. */
  constructor(info) {
    this.id = info.conversation_id;
    this.info = info;
    this.log = new Log(this.id, info.last_seq);
    this.people = new Map();
    /** Until when each person is shown as writing. */
    this.typing = new Map();
    this.draft = "";
  }

  /** Whether this is a conversation of two people, not a group. */
  get isDirect() {
    return this.info.kind === "direct";
  }

  /** Whether the platform has older entries than this page. */
  get hasOlder() {
    return this.log.floor > this.info.from_seq;
  }

  /** The last message that can be read. */
  get lastMessage() {
    const last = this.info.last?.data.seq ?? 0;
    return this.log.now(last) ?? this.info.last;
  }

  /** Return the name of a person in the conversation by the person's id; "" if it is unknown. */
  nameOf(person) {
    return this.people.get(person)?.name ?? (this.isDirect ? this.info.name : "");
  }
}

export class Talks {
  /** `on`: changed(talk, shown entries), listed(), failed(why). */
  constructor(api, me, on) {
    this.#api = api;
    this.#me = me;
    this.#on = on;
  }
  #api;
  #me;
  #on;
  #all = new Map();
  #early = [];
  #isCaughtUp = false;
  #repairing = new Set();

  /** Return the conversation with this id; undefined if the person has none. */
  get(id) {
    return this.#all.get(id);
  }

  /** Return the conversations: pinned ones first, then those with the latest message. */
  get inOrder() {
    const when = (talk) => talk.info.last?.data.sent_at ?? talk.info.created_at;
    const known = [...this.#all.values()].filter((talk) => talk.info.state !== "removed");
    return known.sort((a, b) => b.info.pinned - a.info.pinned || when(b).localeCompare(when(a)));
  }

  /** The last entry that this page has of each conversation: id -> seq. */
  get seqs() {
    return Object.fromEntries([...this.#all].map(([id, talk]) => [id, talk.log.top]));
  }

  /** How many messages are unread, without those of conversations that are muted. */
  get unread() {
    return [...this.#all.values()].reduce((sum, talk) => sum + (talk.info.quiet ? 0 : talk.info.unread), 0);
  }

  // ---- order of work that leaves no gap: consume and buffer; fetch from the last seq before a gap; merge; release ----

  /** Fetch what was missed, then add what was buffered since the queue was bound. */
  async catchUp() {
    this.#isCaughtUp = false;
    await this.load();
    await this.fetchMissed();
    this.#isCaughtUp = true;
    for (const said of this.#early.splice(0)) this.#take(said);
  }

  /** Note that the connection is lost, so that a gap may follow what was fetched. */
  lost() {
    this.#isCaughtUp = false;
  }

  /** Fetch the list of all conversations, page by page. */
  async load() {
    for (let after = "0"; after; ) {
      const said = await this.#api.get(`conversations?count=${PAGE}&after=${after}`);
      for (const info of said.conversations) this.#put(info);
      after = said.next;
    }
    this.#on.listed();
  }

  /** Add a conversation, or give a known one its new description. */
  #put(info) {
    const talk = this.#all.get(info.conversation_id);
    if (talk) talk.info = info;
    else this.#all.set(info.conversation_id, new Talk(info));
  }

  /** Fetch the entries that came to any conversation while the connection was down. */
  async fetchMissed() {
    for (let more = true; more; ) {
      const said = await this.#api.send("POST", "offline", { seqs: this.seqs, latest: 0, count: PAGE });
      for (const part of said.conversations) {
        const talk = this.#all.get(part.conversation_id);
        if (talk) this.#merged(talk, talk.log.takeAfter(part.entries, part.from_seq, part.to_seq), false);
      }
      more = said.more && said.conversations.length > 0;
    }
  }

  /** Handle a received message. */
  heard(said) {
    if (this.#isCaughtUp) this.#take(said);
    else this.#early.push(said);
  }

  /** Handle a message from the broker: an entry of a log, or a notice. */
  #take({ cmd, data }) {
    const talk = this.#all.get(data.conversation_id);
    if (cmd === "typing") this.#types(talk, data.user_id);
    else if (cmd === "behind") this.#again(() => this.catchUp());
    else if (!talk) this.#again(() => this.load());
    else if (data.seq && data.msg_id) this.#entry(talk, { cmd, data });
    else this.#noted(talk, cmd, data);
  }

  /** Add a received entry to its log; if entries before it are missing, fetch them. */
  #entry(talk, entry) {
    this.#merged(talk, talk.log.take(entry), true);
    if (talk.log.hasGap) this.repair(talk, entry.data.seq);
  }

  /** Show for five seconds that somebody else is writing. */
  #types(talk, person) {
    if (!talk || person === this.#me.id) return;
    talk.typing.set(person, Date.now() + 5000);
    this.#on.changed(talk, []);
  }

  /** Handle a notice that is not part of the log. */
  #noted(talk, cmd, data) {
    if (cmd === "read") talk.log.hasRead(data.user_id, data.read_seq);
    if (cmd === "read" && data.user_id === this.#me.id) this.#haveRead(talk, data.read_seq);
    if (data.what === "hidden") talk.log.hide(data.seq);
    if (data.what === "cleared") talk.log.clear(data.seq);
    if (cmd === "conversation" || cmd === "member") this.#again(() => this.refresh(talk));
    this.#on.changed(talk, []);
  }

  /** Call a function that fetches something; report it if that fails. */
  #again(ask) {
    ask().catch((why) => this.#on.failed(why));
  }

  /** Fetch the entries that are missing before a received one, unless they arrive meanwhile. */
  repair(talk, seq) {
    if (this.#repairing.has(talk.id)) return;
    this.#repairing.add(talk.id);
    setTimeout(() => {
      this.#again(() => this.#fetchUpTo(talk, seq).finally(() => this.#repairing.delete(talk.id)));
    }, REPAIR_AFTER);
  }

  /** Fetch entries page by page until the log has the one with this seq. */
  async #fetchUpTo(talk, seq) {
    while (talk.log.top < seq) {
      const said = await this.#api.get(`conversations/${talk.id}/messages?after=${talk.log.top}`);
      this.#merged(talk, talk.log.takeAfter(said.entries, said.from_seq, said.to_seq), true);
      if (said.to_seq >= said.last_seq) return;
    }
  }

  // ---- what follows from entries --------------------------------------------------------------

  /** `isNew`: the list does not count these entries yet. */
  #merged(talk, entries, isNew) {
    for (const { cmd, data } of entries) {
      if (data.hidden) continue;
      if (cmd === "msg" || data.what === "missed") this.#message(talk, { cmd, data }, isNew);
      if (cmd === "read" && data.user_id === this.#me.id) this.#haveRead(talk, data.read_seq);
      if (cmd === "member" || cmd === "conversation") this.#again(() => this.refresh(talk));
    }
    talk.info.last_seq = Math.max(talk.info.last_seq, talk.log.top);
    if (entries.length) this.#on.changed(talk, entries);
  }

  /** Note what a message changes in the list: the last message, and how many are unread. */
  #message(talk, entry, isNew) {
    const { info } = talk;
    const { seq, publisher_id: by } = entry.data;
    talk.typing.delete(by);
    if (seq >= (info.last?.data.seq ?? 0)) info.last = entry;
    if (by === this.#me.id) {
      info.read_seq = Math.max(info.read_seq, seq);
      info.unread = 0;
    } else if (isNew && seq > info.read_seq) info.unread += 1;
    // A person who writes has read what was before.
    talk.log.hasRead(by, seq);
  }

  /** Note that the person has read up to this seq, perhaps on another device. */
  #haveRead(talk, seq) {
    const { info } = talk;
    if (seq <= info.read_seq) return;
    info.read_seq = seq;
    const counts = ({ cmd, data }) => cmd === "msg" || data.what === "missed";
    const unread = (entry) => counts(entry) && entry.data.seq > seq && entry.data.publisher_id !== this.#me.id;
    info.unread = Math.min(info.unread, [...talk.log.shown()].filter(unread).length);
  }

  /** Mark the last message as read; return its seq if the platform does not know that yet. */
  read(talk) {
    const seq = talk.info.last?.data.seq ?? 0;
    if (seq <= talk.info.read_seq || talk.info.last.data.publisher_id === this.#me.id) return 0;
    talk.info.read_seq = seq;
    talk.info.unread = 0;
    return seq;
  }

  // ---- fetched when a conversation is opened --------------------------------------------------

  /** Fetch the description of a conversation again; forget it if the person is no member any more. */
  async refresh(talk) {
    try {
      talk.info = (await this.#api.get(`conversations/${talk.id}`)).conversation;
    } catch (why) {
      if (why.status !== 404) throw why;
      this.#all.delete(talk.id);
    }
    this.#on.listed();
    this.#on.changed(talk, []);
  }

  /** Fetch an older page; return true if there is more. */
  async older(talk) {
    const { log } = talk;
    if (!talk.hasOlder) return false;
    const said = await this.#api.get(`conversations/${talk.id}/messages?before=${log.floor + 1}&count=${HISTORY}`);
    log.takeBefore(said.entries, said.from_seq);
    talk.info.from_seq = said.first_seq;
    return talk.hasOlder;
  }

  /** Fetch the members, and how far each has read. */
  async meet(talk) {
    const found = [];
    for (let after = "0"; after; ) {
      const said = await this.#api.get(`conversations/${talk.id}/members?after=${after}`);
      found.push(...said.members);
      after = said.next;
    }
    talk.people = new Map(found.map((one) => [one.user_id, one]));
    if (talk.info.members > READ_SHOWN_UP_TO) return;
    const { readers } = await this.#api.get(`conversations/${talk.id}/readers?seq=1`);
    for (const one of readers) talk.log.hasRead(one.user_id, one.seq);
  }
}
