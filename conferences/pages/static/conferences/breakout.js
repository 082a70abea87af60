// The breakout rooms: a chair splits the people over rooms, everybody sees the own room, and all come back.

import { VISITOR_LENGTH } from "./chair.js";
import { $, filled, notice } from "./page.js";

export class BreakoutRooms {
  /**
   * @param tiles are the `Tiles`; @param words the texts of the page
   * @param {import("./chair.js").Room} room is the state of the conference
   * @param {(fields: {[name: string]: string}) => Promise<any>} ask sends a form about the rooms to the platform
   * @param {() => void} look lets the page ask at once where it belongs
   */
  constructor(tiles, words, room, ask, look) {
    this.#tiles = tiles;
    this.#words = words;
    this.#room = room;
    this.#ask = ask;
    this.#look = look;
    $("rooms-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#open();
    });
    $("rooms-how").addEventListener("change", () => this.draw());
    $("rooms-names").addEventListener("input", () => this.draw());
    $("rooms-say").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do({ act: "say", text: $("rooms-text").value.trim() }).then((isDone) => isDone && ($("rooms-text").value = ""));
    });
    $("rooms-close").addEventListener("click", () => this.#do({ act: "close" }));
    for (const list of ["rooms-own-list", "rooms-visit"]) {
      $(list).addEventListener("click", ({ target }) => {
        const { room: index } = target.closest("button")?.dataset ?? {};
        if (index !== undefined) this.#do({ act: "go", room: index });
      });
    }
    $("rooms-people").addEventListener("change", ({ target }) => {
      const { visitor } = target.dataset;
      if (!this.#rooms) this.#chosen.set(visitor, target.value);
      else this.#do({ act: "move", visitor, room: target.value });
    });
  }
  #tiles;
  #words;
  #room;
  #ask;
  #look;
  #rooms = null;
  #steers = false;
  /** Visitor -> index of the room that the chair has chosen before the rooms are open. */
  #chosen = new Map();

  /**
   * Take an answer of the platform; without one the person has left.
   * @param {{rooms?: any, role?: string}} [answer]
   */
  hear(answer) {
    const { rooms = null, role = "" } = answer ?? {};
    const before = this.#rooms;
    const place = (split) => split?.names[split.mine] ?? "";
    this.#rooms = rooms;
    this.#steers = Boolean(role);
    if (answer && before && !rooms) notice(this.#words.rooms_over);
    else if (rooms && place(rooms) !== place(before)) notice(place(rooms) ? filled(this.#words.rooms_in, { name: place(rooms) }) : this.#words.rooms_main);
    this.draw();
  }

  #open() {
    const chosen = [...this.#chosen].filter(([, index]) => index !== "").map((pair) => pair.join(" ")).join("\n");
    const fields = { names: $("rooms-names").value, minutes: $("rooms-minutes").value, how: $("rooms-how").value };
    return this.#do({ act: "open", ...fields, ...(fields.how === "hand" && { chosen }) });
  }

  /** Send a form, show what the platform says, and return whether it was done. */
  async #do(fields) {
    const answer = await this.#ask(fields).catch(() => ({ refused: "away" }));
    const { refused } = answer;
    $("rooms-error").textContent = refused ? (this.#words[`rooms_${refused}`] ?? this.#words.not_possible) : "";
    $("rooms-error").hidden = !refused;
    if (refused) return false;
    this.hear({ rooms: answer.rooms, role: this.#steers ? "chair" : "" });
    this.#look();
    return true;
  }

  /** Draw the line about the own room, and the part of the steering dialog. */
  draw() {
    const rooms = this.#rooms;
    $("rooms-own").hidden = !rooms;
    $("rooms-form").hidden = Boolean(rooms);
    $("rooms-open").hidden = !rooms;
    if (rooms) {
      const until = new Date(rooms.ends).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
      $("rooms-own-text").textContent = filled(this.#words.rooms_until, { name: rooms.names[rooms.mine] ?? this.#words.rooms_main_name, until });
      this.#drawButtons("rooms-own-list", rooms.choose && !this.#steers ? rooms : null);
      this.#drawButtons("rooms-visit", this.#steers ? rooms : null);
    }
    this.#drawPeople();
  }

  /** Draw a button for each room but the own one. */
  #drawButtons(id, rooms) {
    const names = rooms ? [...rooms.names.entries(), ["", this.#words.rooms_main_name]] : [];
    const shown = names.filter(([index]) => index !== (rooms.mine ?? ""));
    this.#redraw(id, shown, ([index, name]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.room = String(index);
      button.textContent = filled(this.#words.rooms_go, { name });
      return button;
    });
  }

  #drawPeople() {
    const isByHand = !this.#rooms && $("rooms-how").value === "hand";
    const people = this.#rooms ? (this.#rooms.people ?? []) : isByHand ? this.#peopleHere() : [];
    const names = this.#rooms?.names ?? $("rooms-names").value.split("\n").map((name) => name.trim()).filter(Boolean);
    const rows = this.#steers ? people.map((person) => ({ ...person, names })) : [];
    this.#redraw("rooms-people", rows, ({ visitor, name, room }) => {
      const row = document.createElement("li");
      const label = document.createElement("label");
      const select = document.createElement("select");
      select.dataset.visitor = visitor;
      select.append(...[["", this.#words.rooms_main_name], ...names.entries()].map(([index, text]) => new Option(String(text), String(index))));
      select.value = String(room ?? "");
      label.append(name || this.#words.participant, " ", select);
      row.append(label);
      return row;
    });
  }

  /** Return the people who are in the call, as far as they have a page; the chair sends them before the rooms are open. */
  #peopleHere() {
    return this.#room.state.people.flatMap(({ ids }) => {
      const id = ids.find((known) => known.length > VISITOR_LENGTH && this.#tiles.people.has(known));
      const visitor = id?.slice(0, VISITOR_LENGTH);
      return visitor ? [{ visitor, name: this.#tiles.people.get(id).is.name, room: this.#chosen.get(visitor) ?? null }] : [];
    });
  }

  /** Fill a list anew if something has changed; the control that has the focus keeps it. */
  #redraw(id, rows, make) {
    const shown = JSON.stringify([rows, document.documentElement.lang]);
    if ($(id).dataset.shown === shown) return;
    $(id).dataset.shown = shown;
    const { visitor, room } = $(id).contains(document.activeElement) ? document.activeElement.dataset : {};
    $(id).replaceChildren(...rows.map(make));
    if (visitor) $(id).querySelector(`[data-visitor="${visitor}"]`)?.focus();
    else if (room !== undefined) $(id).querySelector(`[data-room="${room}"]`)?.focus();
  }
}
