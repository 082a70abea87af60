// The polls of the call: the page asks, votes, and shows what has come out so far.

import { $, filled, notice, pause, randomId } from "./page.js";
import { Panel } from "./panels.js";

/** Milliseconds between two requests, so that many votes at once become few requests. */
const FETCH_EVERY = 1000;

export class PollsPanel {
  /**
   * @param words the texts of the page
   * @param {(fields: {[name: string]: string}) => Promise<any>} ask sends a form about polls to the platform
   * @param {() => void} poke tells the other pages that there is something new
   */
  constructor(words, ask, poke) {
    this.#words = words;
    this.#ask = ask;
    this.#poke = poke;
    this.panel = new Panel("polls", () => this.fetch());
    $("polls-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    $("polls-list").addEventListener("change", ({ target }) => this.#vote(target.closest("fieldset")));
    $("polls-list").addEventListener("click", ({ target }) => {
      const { close } = target.closest("button")?.dataset ?? {};
      if (close) this.#do({ act: "close", poll: close });
    });
  }
  #words;
  #ask;
  #poke;
  #isInside = false;
  #version = -1;
  #isWanted = false;
  #isFetching = false;
  #key = randomId(16);
  /** @type {any[]} */
  #polls = [];
  /** The polls that the page has shown; null: none since the entry. */
  #known = null;

  /** Take the platform's answer to where the conference is: `polls` is their version. */
  hear(answer) {
    if (!answer?.pass) return;
    this.#isInside = true;
    if (answer.polls > this.#version) this.fetch();
  }

  /** Fetch what is new. */
  async fetch() {
    this.#isWanted = true;
    if (this.#isFetching) return;
    this.#isFetching = true;
    while (this.#isWanted && this.#isInside) {
      this.#isWanted = false;
      const answer = await this.#ask({}).catch(() => ({}));
      // The unit has not reported the entry yet.
      if (answer.refused === "absent") this.#isWanted = true;
      this.#take(answer);
      await pause(FETCH_EVERY);
    }
    this.#isFetching = false;
  }

  /** Forget all, since the person leaves. */
  leave() {
    this.panel.toggle(false);
    this.#isInside = false;
    this.#version = -1;
    this.#polls = [];
    this.#known = null;
    this.#say("");
  }

  /** Ask the question in the form; empty the form once that was accepted. */
  async #publish() {
    const isOn = (id) => ($(id).checked ? "1" : "");
    const fields = { question: $("polls-question").value, answers: $("polls-answers").value };
    const kinds = { multiple: isOn("polls-multiple"), anonymous: isOn("polls-anonymous") };
    if (!(await this.#do({ act: "ask", key: this.#key, ...fields, ...kinds }))) return;
    this.#key = randomId(16);
    $("polls-form").reset();
    $("polls-new").open = false;
    $("polls-new").firstElementChild.focus();
  }

  /** Send the answers that are chosen in a poll. */
  #vote(poll) {
    const choices = [...poll.querySelectorAll("input:checked")].map(({ value }) => value).join();
    this.#do({ act: "vote", poll: poll.dataset.poll, choices });
  }

  /** Send a form, and return whether it was accepted. */
  async #do(fields) {
    const answer = await this.#ask(fields).catch(() => ({ refused: "away" }));
    this.#say(answer.refused ? (this.#words[`poll_${answer.refused}`] ?? this.#words.not_possible) : "");
    if (answer.refused) this.draw();
    else {
      this.#take(answer);
      this.#poke();
    }
    return !answer.refused;
  }

  /** Show an error below the polls; "" hides it. */
  #say(text) {
    $("polls-error").textContent = text;
    $("polls-error").hidden = !text;
  }

  /** Take the polls of an answer; say that there is a new one while the panel is closed. */
  #take({ polls, version, may_ask: mayAsk }) {
    if (!polls || !this.#isInside) return;
    // An answer that was overtaken by a later one is old.
    if (version >= this.#version) {
      this.#polls = polls;
      this.#version = version;
    }
    $("polls-new").hidden = !mayAsk;
    const fresh = polls.find(({ id, open, may_close: mine }) => open && !mine && this.#known && !this.#known.has(id));
    if (fresh && !this.panel.isOpen) notice(filled(this.#words.poll_new, fresh));
    this.#known = new Set(polls.map(({ id }) => id));
    this.draw();
  }

  /** Draw all polls; the focus stays on the same answer or button, or on the list if that can be used no more. */
  draw() {
    const focused = document.activeElement?.id;
    const list = $("polls-list");
    list.replaceChildren(...this.#polls.map((poll) => this.#form(poll)));
    if (!this.#polls.length) list.textContent = this.#words.poll_none;
    if (focused?.startsWith("poll-")) (list.querySelector(`#${focused}:enabled`) ?? list).focus();
  }

  /** Draw all in the language of the page. */
  redraw() {
    this.draw();
  }

  /** Return the element of a poll, with its answers and results. */
  #form(poll) {
    const form = document.createElement("fieldset");
    form.className = "poll";
    form.dataset.poll = poll.id;
    const legend = document.createElement("legend");
    legend.textContent = poll.question;
    const about = document.createElement("p");
    const marks = [poll.multiple && "poll_multiple", poll.anonymous && "poll_anonymous", !poll.open && "poll_closed"];
    about.textContent = [filled(this.#words.poll_voters, { count: poll.voters }), ...marks.filter(Boolean).map((name) => this.#words[name])].join(" · ");
    form.append(legend, ...poll.answers.map((answer, index) => this.#answer(poll, answer, index)), about);
    if (poll.open && poll.may_close) {
      const close = document.createElement("button");
      close.type = "button";
      close.id = `poll-${poll.id}-close`;
      close.dataset.close = poll.id;
      close.textContent = this.#words.poll_close;
      form.append(close);
    }
    return form;
  }

  /** Return the element of one answer: its field, its votes, and who gave them. */
  #answer(poll, { text, votes, percent, names }, index) {
    const label = document.createElement("label");
    const choice = document.createElement("input");
    choice.type = poll.multiple ? "checkbox" : "radio";
    Object.assign(choice, { id: `poll-${poll.id}-${index}`, name: `poll-${poll.id}`, value: String(index) });
    choice.checked = poll.own.includes(index);
    choice.disabled = !poll.open;
    const share = document.createElement("span");
    share.className = "share";
    share.textContent = `${votes} · ${percent} %`;
    const bar = document.createElement("progress");
    bar.max = 100;
    bar.value = percent;
    bar.setAttribute("aria-hidden", "true");
    const by = document.createElement("small");
    by.textContent = names.join(", ");
    label.append(choice, text, share, bar, by);
    return label;
  }
}
