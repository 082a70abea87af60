// The list of conversations, and search.

import { $, arrange, day, face, made, notice, part, put, say, words } from "./page.js";
import { showUnread } from "./title.js";
import { short } from "./view.js";

const SEARCH_AFTER = 250;

export class List {
  /** `on`: look(id), find(conversation id, seq). */
  constructor(api, talks, me, on) {
    this.#api = api;
    this.#talks = talks;
    this.#me = me;
    this.#on = on;
    $("search").addEventListener("input", () => this.#search());
    setInterval(() => this.#forgetWriting(), 1000);
  }
  #api;
  #talks;
  #me;
  #on;
  #rows = new Map();
  #searching = 0;
  /** The presence of contacts, as they let others see it. */
  presences = new Map();

  /** Draw the list of conversations, with `open` as the one that is shown beside it. */
  draw(open = this.#open) {
    this.#open = open;
    const shown = this.#talks.inOrder;
    arrange($("talks"), shown.map((talk) => this.#row(talk)));
    $("no-talks").hidden = shown.length > 0;
    showUnread(this.#talks.unread);
  }
  #open = null;

  /** Put the keyboard's focus on the row of a conversation. */
  focus(talk) {
    this.#rows.get(talk?.id)?.firstElementChild.focus();
  }

  /** Return the row of a conversation, filled with its present state. */
  #row(talk) {
    const { info, lastMessage } = talk;
    if (!this.#rows.has(talk.id)) this.#rows.set(talk.id, this.#made(() => this.#on.look(talk.id)));
    const li = this.#rows.get(talk.id);
    const state = this.presences.get(info.user_id) ?? "offline";
    face(li.querySelector(".face"), info.name);
    part(li, "name").textContent = info.name;
    part(li, "dot").hidden = state === "offline";
    part(li, "dot").dataset.state = state;
    li.querySelector("time").textContent = lastMessage ? day(lastMessage.data.sent_at, true) : "";
    const inside = info.state === "active" ? this.#lastWords(talk, lastMessage) : words.invitation;
    part(li, "last").textContent = writing(talk) || inside;
    put(part(li, "unread"), info.unread ? String(info.unread) : "");
    li.firstElementChild.setAttribute("aria-current", String(talk === this.#open));
    li.firstElementChild.classList.toggle("quietly", info.quiet);
    return li;
  }

  /** Return a new row; `press` is called when it is pressed. */
  #made(press) {
    const li = made("a-talk");
    li.firstElementChild.addEventListener("click", press);
    return li;
  }

  /** Return the last message in one line, with its author in groups; "" without a message. */
  #lastWords(talk, entry) {
    if (!entry) return "";
    const mine = entry.data.publisher_id === this.#me.id;
    const who = mine ? words.you : talk.isDirect ? "" : entry.data.publisher_name;
    return who ? `${who}: ${short(entry)}` : short(entry);
  }

  /** Nobody announces the end of writing, so a timer ends it. */
  #forgetWriting() {
    for (const talk of this.#talks.inOrder) {
      const over = [...talk.typing].filter(([, until]) => until < Date.now());
      for (const [person] of over) talk.typing.delete(person);
      if (over.length) this.#row(talk);
      if (over.length && talk === this.#open) put($("typing"), writing(talk));
    }
  }

  // ---- search ---------------------------------------------------------------------------------

  /** Search for the text in the search field once nobody has typed for SEARCH_AFTER milliseconds. */
  #search() {
    clearTimeout(this.#searching);
    const wanted = $("search").value.trim();
    $("found").hidden = !wanted;
    $("talks").hidden = Boolean(wanted);
    if (wanted) this.#searching = setTimeout(() => this.#ask(wanted), SEARCH_AFTER);
  }

  /** Show the messages in which the platform finds this text, unless another is typed by then. */
  async #ask(wanted) {
    try {
      const { found } = await this.#api.get(`search?q=${encodeURIComponent(wanted)}`);
      if ($("search").value.trim() !== wanted) return;
      $("found").replaceChildren(...(found.length ? found.map((entry) => this.#hit(entry)) : [nothing()]));
    } catch (why) {
      notice(why.message);
    }
  }

  /** Return the row of a message that was found; pressing it opens the message. */
  #hit({ data, snippet }) {
    const name = this.#talks.get(data.conversation_id)?.info.name ?? data.publisher_name;
    const li = this.#made(() => this.#on.find(data.conversation_id, data.seq));
    face(li.querySelector(".face"), name);
    part(li, "name").textContent = name;
    li.querySelector("time").textContent = day(data.sent_at, true);
    part(li, "last").replaceChildren(`${data.publisher_name}: `, ...snippet.map(piece));
    return li;
  }
}

/** Return the line that a search without a hit shows. */
function nothing() {
  const line = document.createElement("li");
  line.className = "quiet nothing";
  line.setAttribute("role", "status");
  line.textContent = words.nothing_found;
  return line;
}

/** Return a part of a found message; the words that were searched for are marked. */
function piece({ text, hit }) {
  const node = document.createElement(hit ? "mark" : "span");
  node.textContent = text;
  return node;
}

/** Return the text about people who are writing now. */
export function writing(talk) {
  const now = Date.now();
  const names = [...talk.typing].filter(([, until]) => until > now).map(([person]) => talk.nameOf(person));
  if (names.length > 1) return words.typing_many;
  return names.length ? say(words.typing, { name: names[0] }) : "";
}
