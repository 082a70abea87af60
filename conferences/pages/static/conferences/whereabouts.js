// The whereabouts of the conference: the sites of the platform say which unit carries it now.

const ANSWER_WITHIN = 4000;

export class Whereabouts {
  /** @param {string[]} urls of the sites; @param {boolean} needsPassword */
  constructor(urls, needsPassword) {
    this.#urls = urls;
    this.#needsPassword = needsPassword;
  }
  #urls;
  #needsPassword;
  password = "";

  /**
   * Ask the sites where the conference is, first the site that answered last. Raises an error if none answers.
   * A site that is away, or does not serve the platform, is passed over.
   * @param {string} [visitor] the id of this browser, if it enters now
   */
  async find(visitor = "") {
    for (const url of this.#urls) {
      const answer = await this.#ask(url, visitor).catch(() => null);
      if (!answer) continue;
      this.#urls = [url, ...this.#urls.filter((other) => other !== url)];
      return answer;
    }
    throw new Error("no site answers");
  }

  async #ask(url, visitor) {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    /** @type {RequestInit} */
    const options = { headers: { Accept: "application/json" }, cache: "no-store", signal };
    if (this.#needsPassword) {
      options.method = "POST";
      options.body = new URLSearchParams({ password: this.password });
    }
    const query = visitor ? `${url.includes("?") ? "&" : "?"}entering=${visitor}` : "";
    const reply = await fetch(url + query, options);
    const answer = await reply.json();
    return reply.status < 500 || answer.full ? answer : null;
  }
}
