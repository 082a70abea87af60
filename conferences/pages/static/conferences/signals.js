// The signals are what people say without words: raised hands, and reactions, which are shown for a moment.

import { OwnHand, REACTIONS, ReactionLimit, handsOf } from "./hands.js";
import { $, filled, notice } from "./page.js";

const SHOWN_FOR = 5000;
const MOST_SHOWN = 8;

export class Signals {
  /**
   * @param tiles are the `Tiles`; @param words the texts of the page
   * @param {import("./chair.js").Room} room is the state of the conference
   * @param {(signal: object) => void} say tells all pages and the unit
   */
  constructor(tiles, words, room, say) {
    this.#tiles = tiles;
    this.#words = words;
    this.#room = room;
    this.#say = say;
    $("hand").addEventListener("click", () => this.toggle());
    $("hands-lower").addEventListener("click", () => this.#say({ kind: "hand", up: false, all: true }));
    $("hands-list").addEventListener("click", ({ target }) => {
      const { mtid } = target.closest("button")?.dataset ?? {};
      if (mtid === room.state.me) this.toggle();
      else if (mtid) this.#say({ kind: "hand", up: false, mtid });
    });
    $("reactions").addEventListener("click", ({ target }) => this.#send(target.closest("button")?.dataset.emoji));
  }
  #tiles;
  #words;
  #room;
  #say;
  #own = new OwnHand();
  /** The ids of those whose hands were up when the page last looked; null: it has not looked since the entry. */
  #seen = null;
  #sent = new ReactionLimit();
  #received = new ReactionLimit();

  /** Raise or lower the own hand. */
  toggle() {
    this.#own.toggle(Date.now());
    this.#tell();
    this.draw();
  }

  /** Tell the media unit whether the own hand is up. */
  #tell() {
    this.#say({ kind: "hand", up: this.#own.isUp });
  }

  /** Note that the page enters a unit. */
  enter() {
    this.#seen = null;
    this.#own.enter();
  }

  /** Forget all, since the person leaves. */
  leave() {
    this.#own = new OwnHand();
    $("hands").hidden = true;
    $("reactions-shown").replaceChildren();
  }

  /** Take the state of the conference, after each change. */
  hear() {
    const { state } = this.#room;
    if (!state.me) return;
    const wasUp = this.#own.isUp;
    if (this.#own.hear(Boolean(state.arrangement.hands?.includes(state.me)), Date.now())) this.#tell();
    if (wasUp && !this.#own.isUp) notice(this.#words.hand_lowered);
    this.draw();
    this.#announce();
  }

  /** Return the raised hands of those who are there, the first raised first. */
  #hands() {
    return handsOf(this.#room.state, (id) => this.#tiles.people.has(id));
  }

  /** Return the name of a participant. */
  #nameOf(id) {
    return this.#tiles.people.get(id)?.is.name || this.#words.participant;
  }

  /** Say who has raised a hand since the last state; the first state announces nobody. */
  #announce() {
    const { state } = this.#room;
    const others = this.#hands().filter(({ mtid }) => mtid !== state.me);
    const raised = others.filter(({ mtid }) => this.#seen && !this.#seen.has(mtid));
    if (raised.length) notice(filled(this.#words.hand_raised, { name: raised.map(({ id }) => this.#nameOf(id)).join(", ") }), 6);
    this.#seen = new Set(others.map(({ mtid }) => mtid));
  }

  /** Draw the button, the list, and the marks on the tiles. */
  draw() {
    const { isUp } = this.#own;
    $("hand").setAttribute("aria-pressed", String(isUp));
    $("hand").lastElementChild.textContent = isUp ? this.#words.hand_lower : this.#words.hand_raise;
    const hands = this.#hands();
    const { me, chairman } = this.#room.state;
    const mayLowerAll = Boolean(me) && me === chairman;
    $("hands").hidden = !hands.length;
    $("hands-lower").hidden = !mayLowerAll;
    this.#drawList(hands, ({ mtid }) => mayLowerAll || mtid === me);
    for (const [id, { tile }] of this.#tiles.people) {
      const place = hands.findIndex((hand) => hand.id === id) + 1;
      const mark = tile.querySelector(".hand");
      mark.hidden = !place;
      mark.lastElementChild.textContent = String(place);
    }
  }

  /** Draw the list of raised hands. */
  #drawList(hands, mayLower) {
    const text = hands.map((hand) => [hand.mtid, this.#nameOf(hand.id), mayLower(hand)].join()).join() + this.#words.hand_lower_of;
    // A button keeps the focus as long as nothing has changed.
    if ($("hands-list").dataset.shown === text) return;
    $("hands-list").dataset.shown = text;
    $("hands-list").replaceChildren(...hands.map((hand) => this.#row(hand, mayLower(hand))));
  }

  /** Return the row of a raised hand, with a button to lower it if this person may. */
  #row({ mtid, id }, mayLower) {
    const row = document.createElement("li");
    const name = this.#nameOf(id);
    row.append(name);
    if (!mayLower) return row;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.mtid = mtid;
    button.textContent = "×";
    button.title = filled(this.#words.hand_lower_of, { name });
    button.setAttribute("aria-label", button.title);
    row.append(button);
    return row;
  }

  // ---- reactions -----------------------------------------------------------------------------

  /** Send a reaction to all, unless the person sends too many. */
  #send(emoji) {
    if (!emoji) return;
    $("more").hidePopover?.();
    if (this.#sent.allows("", Date.now())) this.#say({ kind: "reaction", emoji });
  }

  /** Show somebody's reaction for a moment. */
  show(id, emoji) {
    if (!REACTIONS.includes(emoji) || !this.#tiles.people.has(id) || !this.#received.allows(id, Date.now())) return;
    const shown = document.createElement("li");
    shown.textContent = `${emoji} ${this.#nameOf(id)}`;
    $("reactions-shown").append(shown);
    while ($("reactions-shown").children.length > MOST_SHOWN) $("reactions-shown").firstElementChild.remove();
    setTimeout(() => shown.remove(), SHOWN_FOR);
  }
}
