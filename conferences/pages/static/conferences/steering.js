// The dialog in which a chair or co-chair steers the conference. The platform checks the right for each command.

import { VISITOR_LENGTH } from "./chair.js";
import { $, filled, notice, randomId } from "./page.js";

const RIGHTS = ["share", "chat", "unmute"];

export class Steering {
  /**
   * @param tiles are the `Tiles`; @param words the texts of the page
   * @param {import("./chair.js").Room} room is the state of the conference
   * @param {(fields: {[name: string]: string}) => Promise<{refused?: string, why?: string}>} send sends a command
   */
  constructor(tiles, words, room, send) {
    this.#tiles = tiles;
    this.#words = words;
    this.#room = room;
    this.#send = send;
    $("steering").addEventListener("click", ({ target }) => this.#press(target.closest("button[data-action]")));
    $("steering").addEventListener("close", () => this.#disarm());
  }
  #tiles;
  #words;
  #room;
  #send;
  #role = "";
  #waiting = [];

  /** Take an answer of the platform: the role of this page's person, and who waits. */
  hear({ role = "", waiting = [] } = {}) {
    const known = new Set(this.#waiting.map(({ visitor }) => visitor));
    const isNew = waiting.some(({ visitor }) => !known.has(visitor));
    this.#role = role;
    this.#waiting = waiting;
    if (isNew) notice(this.#words.somebody_waits);
    this.draw();
  }

  /** Take back a first press of "End for all". */
  #disarm() {
    const button = $("steering").querySelector("button[data-action=end]");
    if (!button?.dataset.sure) return;
    delete button.dataset.sure;
    button.textContent = button.dataset.usual;
  }

  /** Carry out the action of a button, or show why it is refused. */
  async #press(button) {
    if (!button) return;
    const { action, id, value, minutes } = button.dataset;
    // What cannot be taken back is pressed twice.
    if (action === "end" && !button.dataset.sure) {
      button.dataset.sure = "yes";
      button.dataset.usual = button.textContent;
      button.textContent = this.#words.end_sure;
      return;
    }
    button.disabled = true;
    // By the key a site knows a command that another site has carried out, too late for the page to hear of it.
    const command = { action, key: randomId(16), ...(id && { id }), ...(value && { value }), ...(minutes && { minutes }) };
    const answer = await this.#send(command).catch(() => ({ refused: "away", why: this.#words.away_now }));
    button.disabled = false;
    const why = answer.refused ? (answer.why ?? this.#words.not_possible) : "";
    $("steering-error").textContent = why;
    $("steering-error").hidden = !why;
    if (!why && ["letin", "refuse"].includes(action)) this.hear({ role: this.#role, waiting: this.#waiting.filter(({ visitor }) => id && visitor !== id) });
  }

  /** Draw the buttons and lists, if the person steers the conference. */
  draw() {
    $("steer").hidden = !this.#role;
    if (!this.#role && $("steering").open) $("steering").close();
    const { locked, lobby, recording, chairsonly = [] } = this.#room.state.arrangement;
    this.#drawRecording(recording === 2 ? "paused" : this.#room.state.recording ? "running" : "off");
    for (const right of RIGHTS) {
      const isKept = chairsonly.includes(right);
      $(`restrict-${right}`).setAttribute("aria-pressed", String(isKept));
      $(`restrict-${right}`).dataset.value = isKept ? "0" : "1";
    }
    this.#drawSwitch("steer-lock", locked, this.#words.lock, this.#words.unlock);
    this.#drawSwitch("steer-lobby", lobby, this.#words.lobby_on, this.#words.lobby_off);
    $("steer-waiting").hidden = !this.#waiting.length;
    this.#drawRows("steer-waiting-list", this.#waiting.map(({ visitor, name }) => ({ name: name || this.#words.participant, buttons: [["letin", this.#words.let_in, visitor], ["refuse", this.#words.refuse, visitor]] })));
    this.#drawRows("steer-people", this.#people());
  }

  /** Draw the buttons of the recording, which is "off", "running" or "paused". */
  #drawRecording(state) {
    const words = this.#words;
    $("steer-record").textContent = { off: words.record, paused: words.record_on, running: words.record_pause }[state];
    $("steer-record").dataset.value = state === "running" ? "2" : "1";
    $("steer-record-stop").hidden = state === "off";
  }

  /** Draw the button that turns something on or off. */
  #drawSwitch(id, isOn, turnOn, turnOff) {
    $(id).textContent = isOn ? turnOff : turnOn;
    $(id).dataset.value = isOn ? "0" : "1";
  }

  /** Return the members as rows: the name, and the buttons that this person may press. */
  #people() {
    const { people, arrangement: { hands = [], cochairs = [] }, me, chairman } = this.#room.state;
    const words = this.#words;
    return people.map(({ mtid, ids }) => {
      const is = ids.map((id) => this.#tiles.people.get(id)?.is).find(Boolean) ?? { name: "", muted: false };
      const visitor = ids.find((id) => id.length > VISITOR_LENGTH)?.slice(0, VISITOR_LENGTH);
      const isCoChair = cochairs.includes(visitor);
      const buttons = [is.muted ? ["mute", words.ask_unmute, mtid, "0"] : ["mute", words.mute, mtid, "1"]];
      if (hands.includes(mtid)) buttons.push(["lower", words.hand_lower, mtid]);
      if (mtid !== me) buttons.push(["drop", words.remove, mtid]);
      if (this.#role !== "cochair" && visitor && mtid !== chairman) {
        buttons.push(["cochair", isCoChair ? words.cochair_no_more : words.cochair_make, mtid, isCoChair ? "0" : "1"]);
        buttons.push(["chair", words.chair_make, mtid]);
      }
      const role = mtid === chairman ? words.chair : isCoChair ? words.cochair : "";
      return { name: (is.name || words.participant) + (role && ` (${role})`), buttons };
    });
  }

  /** Draw rows of a list: a name, and its buttons. */
  #drawRows(id, rows) {
    const shown = JSON.stringify(rows);
    // A button keeps the focus as long as nothing has changed.
    if ($(id).dataset.shown === shown) return;
    $(id).dataset.shown = shown;
    const focused = $(id).contains(document.activeElement) ? document.activeElement?.closest("button")?.dataset : null;
    $(id).replaceChildren(...rows.map(({ name, buttons }) => {
      const row = document.createElement("li");
      const who = document.createElement("span");
      who.textContent = name;
      row.append(who, ...buttons.map(([action, text, of, value = ""]) => {
        const button = document.createElement("button");
        button.type = "button";
        Object.assign(button.dataset, { action, id: of, value });
        button.textContent = text;
        button.setAttribute("aria-label", filled(this.#words.of, { action: text, name }));
        return button;
      }));
      return row;
    }));
    if (!focused) return;
    // The focus stays on the same button, or, if that is gone, in the dialog.
    const same = [...$(id).querySelectorAll("button")].find(({ dataset }) => dataset.action === focused.action && dataset.id === focused.id);
    (same ?? $("steering").querySelector("form button")).focus();
  }
}
