// The whereabouts of the conference: the sites of the platform say which unit carries it now.

import { keep, randomId, recall } from "./page.js";

const ANSWER_WITHIN = 4000;
/** Milliseconds for a command to the media unit. */
export const CARRIED_OUT_WITHIN = 20000;

export class Whereabouts {
  /** @param {{where: string[], password: boolean, e164: string}} start: the sites' addresses; whether it has a password */
  constructor({ where, password, e164 }) {
    this.#urls = where;
    this.#needsPassword = password;
    this.#passName = `pass:${e164}`;
    // By this secret the browser is known in this conference: whoever was removed stays out under another name, too.
    this.#browser = recall(`browser:${e164}`) || randomId(16);
    keep(`browser:${e164}`, this.#browser);
  }
  #urls;
  #needsPassword;
  #passName;
  #browser;
  password = "";
  /** The name that the person has typed; a chair reads it while the person waits in the lobby. */
  name = "";
  /** Whether the person has agreed to be recorded, for this visit. Who waits in the lobby is asked by each question. */
  agrees = false;
  /** What all ids of this browser in this conference begin with. */
  visitor = "";

  /** The secrets of this browser, for a form; the pass says that it was let into the conference. */
  get proof() {
    return { browser: this.#browser, pass: recall(this.#passName) };
  }

  /**
   * Ask the sites where the conference is, first the site that answered last. Raises an error if none answers.
   * A site that is away, or does not serve the platform, is passed over.
   * @param {boolean} [enters] whether the person enters now
   */
  async find(enters = false) {
    for (const url of this.#urls) {
      const answer = await this.#ask(url, enters).catch(() => null);
      if (!answer) continue;
      this.#urls = [url, ...this.#urls.filter((other) => other !== url)];
      return answer;
    }
    throw new Error("no site answers");
  }

  /** Return what one site says of the conference; null if it cannot say anything now. */
  async #ask(url, enters) {
    const body = new URLSearchParams({ ...this.proof, name: this.name });
    if (this.#needsPassword) body.set("password", this.password);
    if (this.agrees) body.set("recorded", "agreed");
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    /** @type {RequestInit} */
    const options = { method: "POST", body, headers: { Accept: "application/json" }, cache: "no-store", signal };
    const query = enters ? `${url.includes("?") ? "&" : "?"}entering=1` : "";
    const reply = await fetch(url + query, options);
    const answer = await reply.json();
    if (answer.pass) keep(this.#passName, answer.pass);
    if (answer.visitor) this.visitor = answer.visitor;
    return reply.status < 500 || answer.full ? answer : null;
  }

  /**
   * Ask the platform for something of the call, or say something there; raises an error if no site answers.
   * @param {string} name of the address, such as "chat"
   * @param {{[name: string]: string}} fields of the form
   * @param {number} within so many milliseconds a site answers
   * @returns {Promise<any>} the answer; `refused` says why, if it is refused
   */
  async say(name, fields, within = ANSWER_WITHIN) {
    for (const url of this.#urls) {
      const body = new URLSearchParams({ ...this.proof, ...fields });
      const signal = AbortSignal.timeout(within);
      const reply = await fetch(url.replace("/where", `/${name}`), { method: "POST", body, cache: "no-store", signal }).catch(() => null);
      // A site that does not serve the platform may not know the conference either.
      if (reply && reply.status < 500 && reply.status !== 404) return reply.json();
    }
    throw new Error("no site answers");
  }
}
