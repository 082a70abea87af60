// The stage shows each participant as a tile: name, picture, and whether the participant talks.

const byId = (id) => document.getElementById(id);

export class Tiles {
  /** `words` are the texts of the page, in its language; `parts` are the list, the template of a tile, and the count. */
  constructor(words, parts = { stage: byId("tiles"), template: byId("tile"), count: byId("count") }) {
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

  remove(id) {
    this.people.get(id)?.tile.remove();
    this.people.delete(id);
    this.#arrange();
  }

  clear() {
    for (const id of [...this.people.keys()]) this.remove(id);
  }

  /** Show the picture of a participant; without a track show the initials. */
  picture(id, track) {
    const { tile } = this.put(id);
    const video = tile.querySelector("video");
    video.srcObject = track ? new MediaStream([track]) : null;
    video.hidden = !track;
    tile.querySelector(".face").hidden = Boolean(track);
  }

  /** Show these participants first, in this order and form (`style`); with `only` nobody else. */
  lay(ids, style = "", only = false) {
    this.parts.stage.dataset.layout = style;
    for (const [id, { tile }] of this.people) {
      const place = ids.indexOf(id);
      tile.style.order = place < 0 ? ids.length : place;
      tile.hidden = only && place < 0;
      tile.classList.toggle("first", place === 0);
    }
    this.#arrange();
  }

  #add(id) {
    const tile = this.parts.template.content.firstElementChild.cloneNode(true);
    const person = { tile, is: { name: "", muted: false, talks: false, role: "", me: false } };
    this.people.set(id, person);
    this.parts.stage.append(tile);
    this.#arrange();
    return person;
  }

  #draw({ tile, is }) {
    const name = is.name || this.words.participant;
    tile.classList.toggle("me", is.me);
    tile.classList.toggle("talks", is.talks && !is.muted);
    tile.querySelector(".who").textContent = is.me ? filled(this.words.you, { name }) : name;
    tile.querySelector(".off").hidden = !is.muted;
    tile.querySelector(".role").hidden = !is.role;
    tile.querySelector(".role").textContent = is.role;
    const face = tile.querySelector(".face");
    face.textContent = initials(name);
    face.style.setProperty("--hue", hue(name));
    tile.querySelector("video").setAttribute("aria-label", filled(this.words.picture_of, { name }));
  }

  #arrange() {
    const { stage, count } = this.parts;
    const n = [...this.people.values()].filter(({ tile }) => !tile.hidden).length;
    const wide = stage.clientWidth > stage.clientHeight;
    const columns = n <= 1 ? 1 : n === 2 ? (wide ? 2 : 1) : Math.ceil(Math.sqrt(n));
    stage.style.setProperty("--columns", columns);
    const all = this.people.size;
    count.hidden = all === 0;
    count.textContent = all === 1 ? this.words.one_person : filled(this.words.people, { count: all });
  }
}

/** Return a text with its named parts filled in, as Python's `%` does. */
export const filled = (text, named) => text.replace(/%\((\w+)\)s/g, (_, key) => named[key]);

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}

function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return String(sum);
}
