// A conversation, a device that hears of it over a bad line, and what it must show in the end.

import { Log } from "/log.js";

const PEOPLE = ["anna", "ben", "carol"];

/** Numbers that look random, and are the same again for the same seed. */
function dice(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

class Platform {
  entries = [];
  constructor(roll) {
    this.roll = roll;
  }

  /** Somebody does something; the entry as it is pushed. */
  happen() {
    const messages = this.entries.filter(({ cmd, data }) => cmd === "msg" && !this.now(data.seq).data.recalled_seq);
    const kind = messages.length ? ["msg", "msg", "edit", "recall", "react", "react", "read"][this.roll(7)] : "msg";
    const target = messages[this.roll(messages.length)]?.data.seq;
    const seq = this.entries.length + 1;
    const by = PEOPLE[this.roll(3)];
    const data = { conversation_id: "1", seq, msg_id: `1.${kind === "msg" || kind === "read" ? seq : target}`, publisher_id: by };
    if (kind === "msg" || kind === "edit") data.body = `text ${seq}`;
    if (kind === "react") Object.assign(data, { emoji: "👍", on: this.roll(3) > 0 });
    if (kind === "read") Object.assign(data, { user_id: by, read_seq: this.roll(seq) });
    this.entries.push({ cmd: kind, data });
    return { cmd: kind, data };
  }

  /** As history shows it now. */
  now(seq) {
    const entry = this.entries[seq - 1];
    if (entry.cmd !== "msg") return entry;
    const about = this.entries.filter(({ cmd, data }) => cmd !== "msg" && data.msg_id === entry.data.msg_id);
    const gone = about.find(({ cmd }) => cmd === "recall");
    const edit = about.findLast(({ cmd, data }) => cmd === "edit" && (!gone || data.seq < gone.data.seq));
    const data = { ...entry.data, body: gone ? "" : (edit ?? entry).data.body };
    if (edit) data.edited_seq = edit.data.seq;
    if (gone) data.recalled_seq = gone.data.seq;
    return { cmd: "msg", data };
  }

  between(above, upto) {
    return this.entries.slice(above, upto).map(({ data }) => this.now(data.seq));
  }

  reactions(seq) {
    const people = new Set();
    for (const { cmd, data } of this.entries) {
      if (cmd !== "react" || data.msg_id !== `1.${seq}`) continue;
      if (data.on) people.add(data.publisher_id);
      else people.delete(data.publisher_id);
    }
    return this.now(seq).data.recalled_seq ? [] : [...people].sort();
  }
}

/** One history over a line that loses, doubles and delays; throws where the device shows something else. */
export function run(seed) {
  const roll = dice(seed);
  const platform = new Platform(roll);
  for (let n = roll(20); n > 0; n--) platform.happen();
  const log = new Log("1", platform.entries.length);
  const late = [];
  const shown = [];
  for (let step = 0; step < 60; step++) {
    if (roll(2)) late.push(...Array(roll(3)).fill(platform.happen()));
    while (late.length && roll(2)) shown.push(...log.take(late.splice(roll(late.length), 1)[0]));
    if (!roll(6)) shown.push(...catchUp(platform, log, roll));
    if (!roll(6)) older(platform, log, roll);
  }
  while (log.top < platform.entries.length) shown.push(...catchUp(platform, log, roll));
  while (log.floor > 0) older(platform, log, roll);
  compare(platform, log, shown, seed);
}

function catchUp(platform, log, roll) {
  const after = log.top;
  const upto = Math.min(after + 1 + roll(10), platform.entries.length);
  return upto > after ? log.takeAfter(platform.between(after, upto), after, upto) : [];
}

function older(platform, log, roll) {
  const downto = Math.max(0, log.floor - 1 - roll(10));
  log.takeBefore(platform.between(downto, log.floor), downto);
}

function compare(platform, log, told, seed) {
  const view = ({ cmd, data }) => [cmd, data.seq, data.body, data.recalled_seq ?? 0];
  const truth = platform.entries.filter(({ cmd }) => cmd === "msg").map(({ data }) => platform.now(data.seq));
  const mine = [...log.shown()];
  same(mine.map(view), truth.map(view), seed);
  same(mine.map(({ data }) => [...(data.reactions.values().next().value ?? [])].sort()), truth.map(({ data }) => platform.reactions(data.seq)), seed);
  same(told.map(({ data }) => data.seq), [...new Set(told.map(({ data }) => data.seq))].sort((a, b) => a - b), seed);
  const read = new Map();
  for (const { cmd, data } of platform.entries) {
    if (cmd === "read" && data.read_seq > (read.get(data.user_id) ?? 0)) read.set(data.user_id, data.read_seq);
  }
  same([...log.read].sort(), [...read].sort(), seed);
  if (log.hasGap) throw new Error(`seed ${seed}: something still waits`);
}

function same(a, b, seed) {
  const [mine, truth] = [a, b].map((one) => JSON.stringify(one));
  if (mine !== truth) throw new Error(`seed ${seed}:\n${mine}\n${truth}`);
}
