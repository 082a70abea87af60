// All conversations of the person: what the list shows, and the log of each. It takes what the connection receives,
// fetches what is missing, and notifies the page of changes.

import { Log } from "./log.js";

const PAGE = 500;
const HISTORY = 50;
const REPAIR_AFTER = 300;
const READ_SHOWN_UP_TO = 500;

/** A conversation. */
class Talk {
  constructor(info) {
    this.id = info.conversation_id;
    this.info = info;
    this.log = new Log(this.id, info.last_seq);
    this.people = new Map();
    /** Until when each person is shown as writing. */
    this.typing = new Map();
    this.draft = "";
  }

  get isDirect() {
    return this.info.kind === "direct";
  }

  get hasOlder() {
    return this.log.floor > this.info.from_seq;
  }

  /** The last message that can be read. */
  get lastMessage() {
    const last = this.info.last?.data.seq ?? 0;
    return this.log.now(last) ?? this.info.last;
  }

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

  get(id) {
    return this.#all.get(id);
  }

  /** Return the conversations: pinned ones first, then those with the latest message. */
  get inOrder() {
    const when = (talk) => talk.info.last?.data.sent_at ?? talk.info.created_at;
    const known = [...this.#all.values()].filter((talk) => talk.info.state !== "removed");
    return known.sort((a, b) => b.info.pinned - a.info.pinned || when(b).localeCompare(when(a)));
  }

  get seqs() {
    return Object.fromEntries([...this.#all].map(([id, talk]) => [id, talk.log.top]));
  }

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

  async load() {
    for (let after = "0"; after; ) {
      const said = await this.#api.get(`conversations?count=${PAGE}&after=${after}`);
      for (const info of said.conversations) this.#put(info);
      after = said.next;
    }
    this.#on.listed();
  }

  #put(info) {
    const talk = this.#all.get(info.conversation_id);
    if (talk) talk.info = info;
    else this.#all.set(info.conversation_id, new Talk(info));
  }

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

  #take({ cmd, data }) {
    const talk = this.#all.get(data.conversation_id);
    if (cmd === "typing") this.#types(talk, data.user_id);
    else if (cmd === "behind") this.#again(() => this.catchUp());
    else if (!talk) this.#again(() => this.load());
    else if (data.seq && data.msg_id) this.#entry(talk, { cmd, data });
    else this.#noted(talk, cmd, data);
  }

  #entry(talk, entry) {
    this.#merged(talk, talk.log.take(entry), true);
    if (talk.log.hasGap) this.repair(talk, entry.data.seq);
  }

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
