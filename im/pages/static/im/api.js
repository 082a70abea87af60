// HTTP calls to the platform, with the browser's session.

const ANSWER_WITHIN = 20000;

/** The platform has refused a call; `code` says why, for programs. */
export class ApiError extends Error {
  constructor(said, status) {
    super(said.description || String(status));
    this.code = said.code ?? "";
    this.status = status;
  }
}

export class Api {
  constructor(at, csrf) {
    this.at = at;
    this.csrf = csrf;
  }

  raw(path, wish = {}) {
    const headers = { Accept: "application/json", "X-CSRFToken": this.csrf, ...wish.headers };
    return fetch(this.at + path, { cache: "no-store", ...wish, headers });
  }

  async #ask(path, wish) {
    const reply = await this.raw(path, { signal: AbortSignal.timeout(ANSWER_WITHIN), ...wish });
    const said = await reply.json().catch(() => ({}));
    if (!reply.ok || said.success !== 1) throw new ApiError(said, reply.status);
    return said;
  }

  get(path) {
    return this.#ask(path);
  }

  send(method, path, fields) {
    const headers = { "Content-Type": "application/json" };
    return this.#ask(path, { method, headers, body: JSON.stringify(fields ?? {}) });
  }
}
