// The statistics say what the connections of a call carry, from what the browser counts.

import { openDialog } from "./controls.js";
import { GOOD, LineJudge } from "./quality.js";
import { $, filled } from "./page.js";

const EVERY = 2000;

/** @typedef {{kbits: number, loss: number, pictures: string[]}} Flow what flows one way: per second, lost share, pictures as text */
/** @typedef {{loss: number, roundTrip: number, sound: {sent: Flow, received: Flow}, video: {sent: Flow, received: Flow}}} Sample */

/** Counts what flowed between two looks at the connections. */
export class Counter {
  #before = new Map();

  /** Return what flowed since the last call. @returns {Promise<Sample>} */
  async sample(connections) {
    const reports = [];
    for (const connection of Object.values(connections)) {
      if (connection) reports.push(...(await connection.getStats()).values());
    }
    const rows = reports.map((report) => ({ ...report, ...this.#flowed(report) }));
    this.#before = new Map(reports.map((report) => [`${report.type} ${report.id} ${report.ssrc}`, report]));
    const of = (type, kind) => rows.filter((row) => row.type === type && row.kind === kind);
    const flows = (kind) => ({
      sent: flowOf(of("outbound-rtp", kind), of("remote-inbound-rtp", kind)),
      received: flowOf(of("inbound-rtp", kind), of("inbound-rtp", kind)),
    });
    const sound = flows("audio");
    const roundTrips = rows.filter(({ type, state }) => type === "candidate-pair" && state === "succeeded").map((row) => row.currentRoundTripTime ?? 0);
    return { sound, video: flows("video"), roundTrip: Math.max(0, ...roundTrips), loss: Math.max(sound.sent.loss, sound.received.loss) };
  }

  /** Return what has flowed since the report before: kbit/s, and packets that came or were lost. */
  #flowed(report) {
    const before = this.#before.get(`${report.type} ${report.id} ${report.ssrc}`);
    const seconds = before && (report.timestamp - before.timestamp) / 1000;
    if (!seconds) return { kbits: 0, lost: 0, came: 0 };
    const grown = (name) => Math.max(0, (report[name] ?? 0) - (before[name] ?? 0));
    return { kbits: ((grown("bytesSent") + grown("bytesReceived")) * 8) / 1000 / seconds, lost: grown("packetsLost"), came: grown("packetsReceived") };
  }
}

/** Return the flow of streams; `remote` are the reports that know what was lost of them. @returns {Flow} */
function flowOf(streams, remote) {
  const sum = (rows, name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
  const lost = sum(remote, "lost");
  const fractions = remote.map((row) => row.fractionLost ?? 0);
  const came = sum(remote, "came");
  const loss = Math.max(0, ...fractions, came + lost > 0 ? lost / (came + lost) : 0);
  const pictures = streams
    .filter((row) => row.frameWidth && row.kbits > 0)
    .map((row) => `${row.frameWidth}×${row.frameHeight}, ${Math.round(row.framesPerSecond ?? 0)}/s`);
  return { kbits: sum(streams, "kbits"), loss, pictures };
}

/** Looks after the own line during a call: a mark while it is weak, sound alone while it is bad, and the panel. */
export class LineWatch {
  /**
   * @param words are the texts of the page
   * @param {() => object | null} connections returns those of the call, or null
   * @param {(isSoundOnly: boolean) => void} changed is told when pictures are given up, or tried again
   */
  constructor(words, connections, changed) {
    this.#words = words;
    this.#connections = connections;
    this.#changed = changed;
    for (const button of [$("line"), $("statistics-open")]) button.addEventListener("click", () => this.#open());
    $("pictures-again").addEventListener("click", () => {
      this.#judge.showAgain(Date.now());
      this.#draw();
      this.#changed(false);
    });
    setInterval(() => this.#look(), EVERY);
  }
  #words;
  #connections;
  #changed;
  #counter = new Counter();
  #judge = new LineJudge();
  #isLooking = false;

  /** Whether pictures are given up, because the line is bad. */
  get isSoundOnly() {
    return this.#judge.isSoundOnly;
  }

  /** Begin anew, with a call at another unit. */
  reset() {
    this.#counter = new Counter();
    if (!this.isSoundOnly) this.#judge = new LineJudge();
    this.#draw();
  }

  /** Look at what has flowed since the last look. */
  async #look() {
    const connections = this.#connections();
    if (!connections || this.#isLooking) return;
    this.#isLooking = true;
    const wasSoundOnly = this.isSoundOnly;
    const counter = this.#counter;
    try {
      const sample = await counter.sample(connections);
      // The first look has nothing to compare with, and that of another call says nothing about this one.
      if (counter !== this.#counter) return;
      if (this.#judge.judge(sample, Date.now())) this.#draw();
      if (wasSoundOnly !== this.isSoundOnly) this.#changed(this.isSoundOnly);
      if ($("statistics").open) this.#list(sample);
    } finally {
      this.#isLooking = false;
    }
  }

  /** Show how good the line is. */
  #draw() {
    const { level, isSoundOnly } = this.#judge;
    $("line").hidden = level === GOOD;
    $("line").dataset.level = level;
    $("line").textContent = level === GOOD ? "" : this.#words[`line_${level}`];
    $("sound-only").hidden = !isSoundOnly;
  }

  /** Open the panel with the figures of the line. */
  #open() {
    $("statistics-rows").replaceChildren();
    openDialog("statistics");
    this.#look();
  }

  /** Fill the panel with the figures of the last look. */
  #list({ roundTrip, sound, video }) {
    const percent = (share) => `${(share * 100).toFixed(1)} %`;
    const rate = ({ kbits, loss }) => filled(this.#words.rate, { kbits: Math.round(kbits), loss: percent(loss) });
    const rows = [
      ["round_trip", `${Math.round(roundTrip * 1000)} ms`],
      ["sound_sent", rate(sound.sent)],
      ["sound_received", rate(sound.received)],
      ["pictures_sent", [rate(video.sent), ...video.sent.pictures].join("\n")],
      ["pictures_received", [rate(video.received), ...video.received.pictures].join("\n")],
    ];
    $("statistics-rows").replaceChildren(...rows.map(([name, value]) => {
      const row = document.createElement("tr");
      const head = Object.assign(document.createElement("th"), { scope: "row", textContent: this.#words[name] });
      row.append(head, Object.assign(document.createElement("td"), { textContent: value }));
      return row;
    }));
  }
}
