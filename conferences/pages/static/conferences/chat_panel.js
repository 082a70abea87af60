// The chat of the call: it shows the conference's conversation, which lies with the platform, and writes into it.

import { $, filled, notice, pause, randomId } from "./page.js";
import { Panel } from "./panels.js";

/** Milliseconds between two requests, so that many messages at once become few requests. */
const FETCH_EVERY = 1000;
const TRY_AGAIN = 3000;
/** With these refusals the same text may be stored a moment later. */
const PASSING = ["away", "rate", "elsewhere", "absent"];
const MOST_SHOWN = 500;
const MOST_IN_NOTICE = 80;

export class ChatPanel {
  /**
   * @param words the texts of the page
   * @param {(fields: {[name: string]: string}) => Promise<any>} ask sends a form about the chat to the platform
   * @param {() => void} poke tells the other pages that there is something new
   */
  constructor(words, ask, poke) {
    this.#words = words;
    this.#ask = ask;
    this.#poke = poke;
    this.panel = new Panel("chat", () => this.#read());
    $("chat-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    $("chat-text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
  }
  #words;
  #ask;
  #poke;
  #isInside = false;
  /** The last entry of the conversation that the page has looked at, and the last one that it knows to exist. */
  #after = 0;
  #told = 0;
  #isWanted = false;
  #isFetching = false;
  /** The last entry that was there when the person entered, later ones are new; null before the entry. */
  #first = null;
  /** Whether all that the page knows to exist was fetched once. */
  #isLoaded = false;
  #unread = 0;
  #messages = new Map();

  /** Take the platform's answer to where the conference is: `chat` is the last entry of the conversation. */
  hear(answer) {
    if (!answer?.pass) return;
    this.#isInside = true;
    const { chat } = answer;
    this.#first ??= chat ?? 0;
    this.panel.button.hidden = chat === undefined;
    if (chat === undefined) this.#isLoaded = true;
    else if (chat > this.#after || !this.#isLoaded) {
      this.#told = Math.max(this.#told, chat);
      this.fetch();
    }
  }

  /** Let the person write, or not: the chair may keep that for chairs and co-chairs. */
  allow(mayWrite) {
    $("chat-text").disabled = !mayWrite;
    $("chat-held").hidden = mayWrite;
  }

  /** Fetch what is new. */
  async fetch() {
    this.#isWanted = true;
    if (this.#isFetching) return;
    this.#isFetching = true;
    while (this.#isWanted && this.#isInside) {
      this.#isWanted = false;
      await this.#fetchPage().catch(() => {});
      await pause(FETCH_EVERY);
    }
    this.#isFetching = false;
  }

  /** Fetch the messages after the last known one; ask once more if the platform has more. */
  async #fetchPage() {
    const before = this.#after;
    const answer = await this.#ask({ after: String(before) });
    // The unit has not reported the entry yet.
    if (answer.refused === "absent") this.#isWanted = true;
    this.#take(answer);
    if (this.#after > before && this.#after < this.#told) this.#isWanted = true;
  }

  /** Forget all, since the person leaves. */
  leave() {
    this.panel.toggle(false);
    this.#isInside = this.#isLoaded = false;
    this.#after = this.#told = this.#unread = 0;
    this.#first = null;
    this.#messages.clear();
    $("chat-log").replaceChildren();
    this.#say("");
  }

  /** Send the text in the field, again and again while the platform is away; show why if it is refused. */
  async #send() {
    const text = $("chat-text").value.trim();
    if (!text) return;
    $("chat-text").value = "";
    const key = randomId(16);
    while (this.#isInside) {
      const answer = await this.#ask({ text, key, after: String(this.#after) }).catch(() => ({ refused: "away" }));
      if (!answer.refused) {
        this.#say("");
        this.#take(answer);
        return this.#poke();
      }
      if (!PASSING.includes(answer.refused)) {
        if (!$("chat-text").value) $("chat-text").value = text;
        return this.#say(this.#words[`chat_${answer.refused}`] ?? this.#words.chat_not_sent);
      }
      this.#say(this.#words.chat_waits);
      await pause(TRY_AGAIN);
    }
  }

  /** Show an error below the messages; "" hides it. */
  #say(text) {
    $("chat-error").textContent = text;
    $("chat-error").hidden = !text;
  }

  /** Show the messages of an answer, and a notice about new ones while the panel is closed. */
  #take({ refused, messages = [], last = 0 }) {
    if (refused || !this.#isInside) return;
    const isNew = ({ mine, gone, seq }) => !mine && !gone && seq > this.#after && seq > this.#first;
    const fresh = messages.filter((message) => isNew(message) && !this.#messages.has(message.seq));
    for (const message of messages) this.#messages.set(message.seq, message);
    this.#after = Math.max(this.#after, last);
    this.#isLoaded ||= this.#after >= this.#told;
    const log = $("chat-log");
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    for (const message of messages) this.#show(message);
    while (log.children.length > MOST_SHOWN) log.firstElementChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
    if (this.panel.isOpen || !fresh.length) return;
    this.#unread += fresh.length;
    const { name, text, ...about } = fresh.at(-1);
    const shown = text.length > MOST_IN_NOTICE ? `${text.slice(0, MOST_IN_NOTICE)}…` : text;
    notice(`${this.#nameOf({ name, ...about })}: ${shown}`, 6);
    this.draw();
  }

  /** Return the author's name; a guest is marked as such. */
  #nameOf({ name, guest }) {
    return guest ? filled(this.#words.chat_guest, { name }) : name;
  }

  /** Show a message in its place; one that is shown already has changed. */
  #show(message) {
    const log = $("chat-log");
    const rows = [...log.children];
    const same = rows.find((row) => Number(row.dataset.seq) === message.seq);
    const row = this.#row(message);
    if (same) same.replaceWith(row);
    else log.insertBefore(row, rows.find((other) => Number(other.dataset.seq) > message.seq) ?? null);
  }

  /** Return the element of a message: author, time and text. */
  #row(message) {
    const row = document.createElement("li");
    row.dataset.seq = message.seq;
    row.classList.toggle("mine", message.mine);
    const head = document.createElement("strong");
    head.textContent = message.mine ? filled(this.#words.you, { name: message.name }) : this.#nameOf(message);
    const time = document.createElement("time");
    time.dateTime = message.at;
    time.textContent = new Date(message.at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const text = document.createElement("p");
    text.textContent = message.gone ? this.#words.chat_gone : message.file ? `📎 ${message.text}` : message.text;
    row.append(head, " ", time, text);
    return row;
  }

  /** Mark all messages as read, and scroll to the last. */
  #read() {
    this.#unread = 0;
    this.draw();
    $("chat-log").scrollTop = $("chat-log").scrollHeight;
  }

  /** Draw the button with the number of unread messages. */
  draw() {
    const count = this.#unread;
    $("chat-unread").hidden = !count;
    $("chat-unread").textContent = String(count);
    this.panel.button.setAttribute("aria-label", count ? filled(this.#words.chat_unread, { count }) : this.#words.chat);
  }

  /** Draw all in the language of the page. */
  redraw() {
    this.draw();
    for (const message of this.#messages.values()) this.#show(message);
  }
}
