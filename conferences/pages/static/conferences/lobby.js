// The lobby is where guests wait until a chair lets them in; this module also says why somebody may not enter.

import { $ } from "./page.js";

/** What the platform answers to whoever may not enter -> the texts that say so. */
const REFUSALS = {
  locked: ["locked", "locked_why"],
  refused: ["not_let_in", "close"],
  removed: ["removed", "mistake"],
  full: ["lobby_full", "lobby_again"],
  recorded: ["recorded_ask", "recorded_ask_why"],
  late: ["lobby_late", "lobby_again"],
};

export class Lobby {
  /** @param {{[name: string]: string}} words are the texts of the page */
  constructor(words) {
    this.#words = words;
  }
  #words;
  isWaiting = false;

  /**
   * Take an answer of the platform, and show the lobby while the visitor waits.
   * @param {{entry?: string} | null} answer; null: none came, and nothing changes
   * @returns {string[]} title and text that say why the visitor may not enter; [] otherwise
   */
  hear(answer) {
    if (answer) this.show(answer.entry === "waiting");
    return (REFUSALS[answer?.entry ?? ""] ?? []).map((name) => this.#words[name]);
  }

  /** Show the lobby instead of the call, or hide it. */
  show(isWaiting) {
    const hasChanged = isWaiting !== this.isWaiting;
    this.isWaiting = isWaiting;
    $("lobby").hidden = !isWaiting;
    if (hasChanged && isWaiting) $("lobby").focus();
  }
}
