// The tiles show each participant, and each shared screen: name, picture, and whether the participant talks.

import { $, filled } from "./page.js";

export class Tiles {
  /**
   * @param words are the texts of the page, in its language
   * @param parts are the stage (a list), the template of a tile, the count, and the list of people without pictures
   */
  constructor(words, parts = { stage: $("tiles"), template: $("tile"), count: $("count"), list: $("unpictured") }) {
    this.words = words;
    this.parts = parts;
    this.people = new Map();
  }

  /** Give a participant a tile, if there is none, and draw what has changed (`changes`). */
  put(id, changes = {}) {
    const person = this.people.get(id) ?? this.#add(id);
    Object.assign(person.is, changes);
    this.#draw(person);
    return person;
  }

  /** Remove the tile of a participant. */
  remove(id) {
    this.people.get(id)?.tile.remove();
    this.people.delete(id);
    this.arrange();
  }

  /** Remove all tiles. */
  clear() {
    for (const id of [...this.people.keys()]) this.remove(id);
  }

  /** Show the picture of a participant; without a track show the initials. */
  picture(id, track) {
    const { tile } = this.put(id);
    const video = tile.querySelector("video");
    if (video.srcObject?.getVideoTracks()[0] !== (track ?? undefined)) video.srcObject = track ? new MediaStream([track]) : null;
    video.hidden = !track;
    tile.querySelector(".face").hidden = Boolean(track);
  }

  /** Return the track that a tile shows, or null. */
  trackOf(id) {
    return this.people.get(id)?.tile.querySelector("video").srcObject?.getVideoTracks()[0] ?? null;
  }

  /** Show the tiles as the stage says (see `stage.js`). @param {import("./stage.js").Stage} stage */
  lay({ style, first, tiles, list }) {
    this.parts.stage.dataset.layout = style;
    for (const [id, { tile }] of this.people) {
      const place = tiles.indexOf(id);
      const isListed = list.includes(id);
      const parent = isListed ? this.parts.list : this.parts.stage;
      if (tile.parentElement !== parent) parent.append(tile);
      tile.style.order = String(Math.max(place, 0));
      tile.hidden = place < 0 && !isListed;
      tile.classList.toggle("first", id === first);
    }
    this.parts.list.hidden = !list.length;
    this.arrange();
  }

  /** Draw everything anew, in another language. */
  redraw() {
    for (const person of this.people.values()) this.#draw(person);
    this.arrange();
  }

  /** Add an empty tile for a participant. */
  #add(id) {
    const tile = this.parts.template.content.firstElementChild.cloneNode(true);
    const person = { tile, is: { name: "", muted: false, talks: false, role: "", me: false, screen: false } };
    tile.dataset.id = id;
    this.people.set(id, person);
    this.parts.stage.append(tile);
    this.arrange();
    return person;
  }

  /** Draw name, role and marks on a tile. */
  #draw({ tile, is }) {
    const name = is.name || this.words.participant;
    tile.classList.toggle("me", is.me);
    tile.classList.toggle("screen", is.screen);
    tile.classList.toggle("talks", is.talks && !is.muted);
    tile.querySelector(".who").textContent = is.screen ? filled(this.words.screen_of, { name }) : is.me ? filled(this.words.you, { name }) : name;
    tile.querySelector(".off").hidden = !is.muted;
    tile.querySelector(".off").textContent = this.words.muted;
    tile.querySelector(".role").hidden = !is.role;
    tile.querySelector(".role").textContent = is.role;
    const face = tile.querySelector(".face");
    face.textContent = initials(name);
    face.style.setProperty("--hue", hue(name));
    tile.querySelector("video").setAttribute("aria-label", filled(is.screen ? this.words.screen_of : this.words.picture_of, { name }));
    const pin = tile.querySelector(".pin");
    if (!pin) return;
    pin.setAttribute("aria-pressed", String(Boolean(is.pinned)));
    pin.title = filled(is.pinned ? this.words.unpin : this.words.pin, { name });
    pin.setAttribute("aria-label", pin.title);
  }

  /** Choose the number of columns, and count the people. */
  arrange() {
    const { stage, count } = this.parts;
    const all = [...this.people.values()];
    const n = all.filter(({ tile }) => !tile.hidden && tile.parentElement === stage).length;
    const wide = stage.clientWidth > stage.clientHeight;
    const columns = n <= 1 ? 1 : n === 2 ? (wide ? 2 : 1) : Math.ceil(Math.sqrt(n));
    stage.style.setProperty("--columns", String(columns));
    const people = all.filter(({ is }) => !is.screen).length;
    count.hidden = people === 0;
    count.textContent = people === 1 ? this.words.one_person : filled(this.words.people, { count: people });
  }
}

/** Return the initials of a name: of its first and last word. */
function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}

/** Return the colour of a name, as an angle from 0 to 359. */
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return String(sum);
}
