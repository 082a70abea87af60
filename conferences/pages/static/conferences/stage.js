// The stage says which tiles a page shows, where, and how many pages of tiles there are. Pure.

import { LARGE } from "./layout.js";

export const TILES = "tiles", SPEAKER = "speaker";
/** So few people are all shown as tiles, with or without a picture. */
const FEW = 4;
/** So many small tiles stand below the large one. */
const STRIP = 4;
const MOST_TILES = 25;
const TILE = { wide: { width: 230, height: 150 }, narrow: { width: 160, height: 120 } };
const NARROW = 640;

/**
 * @typedef {object} Shown somebody, or somebody's screen
 * @property {string} id of the tile
 * @property {boolean} [me] whether it is the person of this page
 * @property {boolean} [screen] whether it is a screen
 * @property {boolean} pictured whether there is a picture
 */
/**
 * @typedef {object} Stage
 * @property {string} style the form of the stage: "" for tiles, "large" for one large tile, or a layout of the conference
 * @property {string} first the large tile, or ""
 * @property {string[]} tiles all tiles that are shown, in order
 * @property {string[]} list the people without a picture, who are listed by name
 * @property {number} page @property {number} pages
 */

/** Return how many tiles fit into a stage of this size (pixels). */
export function placesIn(width, height) {
  const tile = width < NARROW ? TILE.narrow : TILE.wide;
  const fit = (size, each) => Math.max(1, Math.floor(size / each));
  return Math.min(MOST_TILES, Math.max(2, fit(width, tile.width) * fit(height, tile.height)));
}

/**
 * Return the stage.
 * @param {Shown[]} all in the order in which they came; screens after their owners
 * @param {{style: string, ids: string[], only: boolean}} arranged is what the conference is arranged to show
 * @param {{view: string, pin: string, page: number, talker: string}} own is what the person of this page has chosen
 * @param {number} places is how many tiles fit
 * @returns {Stage}
 */
export function stageOf(all, arranged, own, places) {
  const large = largeOf(all, arranged, own);
  if (!large && arranged.only) {
    return { style: arranged.style, first: arranged.ids[0] ?? "", tiles: arranged.ids, list: [], page: 0, pages: 1 };
  }
  const isListed = ({ me, pictured, id }) => !me && !pictured && id !== large && !arranged.ids.includes(id);
  const people = all.filter(({ screen }) => !screen).length;
  const hasList = people > FEW && all.some(({ me, pictured }) => pictured && !me);
  const list = hasList ? all.filter(isListed).map(({ id }) => id) : [];
  const order = [...arranged.ids, ...all.map(({ id }) => id).filter((id) => !arranged.ids.includes(id))];
  const small = order.filter((id) => id !== large && !list.includes(id));
  const each = large ? Math.min(STRIP, places) : places;
  const pages = Math.max(1, Math.ceil(small.length / each));
  const page = Math.min(Math.max(0, own.page), pages - 1);
  const tiles = small.slice(page * each, (page + 1) * each);
  return { style: large ? LARGE : arranged.style, first: large, tiles: large ? [large, ...tiles] : tiles, list, page, pages };
}

/** Return who is shown large: whom the person has pinned, else a screen, else as the conference or the person wants it. */
function largeOf(all, arranged, { pin, view, talker }) {
  const has = (id) => all.some((shown) => shown.id === id);
  if (pin && has(pin)) return pin;
  const screens = all.filter(({ screen }) => screen);
  if (screens.length) return screens.at(-1).id;
  if (arranged.style === LARGE) return arranged.ids[0] ?? "";
  if (arranged.only || view !== SPEAKER) return "";
  const others = all.filter(({ me }) => !me);
  return others.find(({ id }) => id === talker)?.id ?? others.find(({ pictured }) => pictured)?.id ?? others[0]?.id ?? "";
}
