// The view is how this person looks at the conference: tiles or speaker, who is pinned, which page, how large.

import { $, filled, keep, recall } from "./page.js";
import { SPEAKER, TILES, placesIn, stageOf } from "./stage.js";
import { SCREEN } from "./publishing.js";
import { pictureKey } from "./watching.js";

/** Milliseconds for which a speaker stays large at least, so that a cough changes nothing. */
const STAYS = 2000;

/** The id of the tile of somebody's screen. */
export const screenTile = (id) => `screen ${id}`;

export class View {
  /**
   * @param tiles are the `Tiles`; @param words the texts of the page
   * @param {() => {style: string, ids: string[], only: boolean}} arranged says what the conference is arranged to show
   * @param {(keys: Set<string>) => void} watch is told which pictures are seen
   */
  constructor(tiles, words, arranged, watch) {
    this.#tiles = tiles;
    this.#words = words;
    this.#arranged = arranged;
    this.#watch = watch;
    $("view").addEventListener("click", () => this.toggle());
    $("page-back").addEventListener("click", () => this.#turn(-1));
    $("page-on").addEventListener("click", () => this.#turn(1));
    $("full").addEventListener("click", () => this.toggleFullScreen());
    $("pip").addEventListener("click", () => this.togglePictureInPicture());
    $("stage").addEventListener("click", (event) => this.#pinBy(event.target.closest(".pin")));
    $("full").hidden = !document.fullscreenEnabled;
    $("pip").hidden = !document.pictureInPictureEnabled;
    new ResizeObserver(() => this.draw()).observe($("tiles"));
  }
  #tiles;
  #words;
  #arranged;
  #watch;
  /** What this person has chosen, and who is heard. */
  #own = { view: recall("view") === SPEAKER ? SPEAKER : TILES, pin: "", page: 0, talker: "" };
  #talkerSince = 0;
  #timer = 0;
  /** The pictures that others send: tile -> `{id, kind}`. */
  #sent = new Map();
  #isDrawing = false;

  /** Note which pictures somebody sends. */
  sends(id, kinds) {
    this.#sent.delete(id);
    this.#sent.delete(screenTile(id));
    for (const kind of kinds) this.#sent.set(kind === SCREEN ? screenTile(id) : id, { id, kind });
    this.draw();
  }

  /** Forget all that concerns the stay that has ended. */
  clear() {
    this.#sent.clear();
    this.#own = { ...this.#own, pin: "", page: 0, talker: "" };
  }

  /** Note who talks. */
  talks(id) {
    clearTimeout(this.#timer);
    const left = this.#talkerSince + STAYS - Date.now();
    if (id === this.#own.talker) return;
    if (left > 0) {
      this.#timer = setTimeout(() => this.talks(id), left);
      return;
    }
    this.#own.talker = id;
    this.#talkerSince = Date.now();
    this.draw();
  }

  /** Change between the view of tiles and that of the person who talks. */
  toggle() {
    this.#own.view = this.#own.view === SPEAKER ? TILES : SPEAKER;
    this.#own.page = 0;
    keep("view", this.#own.view);
    this.draw();
  }

  /** Show the page on the whole screen, or end that. */
  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch((why) => console.warn(why));
  }

  /** Show the large picture in a small window beside other programs, or end that. */
  async togglePictureInPicture() {
    if (document.pictureInPictureElement) return document.exitPictureInPicture();
    await $("pip-video").play().catch(() => {});
    return $("pip-video").requestPictureInPicture().catch((why) => console.warn(why));
  }

  /** Draw the stage, once for all that changes at a time. */
  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    queueMicrotask(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  /** Choose the tiles to show, draw them, and receive their pictures only. */
  #draw() {
    const all = [...this.#tiles.people].map(([id, { is }]) => ({ id, me: is.me, screen: is.screen, pictured: this.#sent.has(id) || Boolean(this.#tiles.trackOf(id)) }));
    const { clientWidth: width, clientHeight: height } = $("tiles");
    const stage = stageOf(all, this.#arranged(), this.#own, placesIn(width, height));
    this.#own.page = stage.page;
    for (const [id, { is }] of this.#tiles.people) if (is.pinned !== (id === this.#own.pin)) this.#tiles.put(id, { pinned: id === this.#own.pin });
    this.#tiles.lay(stage);
    $("view").setAttribute("aria-pressed", String(this.#own.view === SPEAKER));
    $("view").lastElementChild.textContent = this.#own.view === SPEAKER ? this.#words.view_tiles : this.#words.view_speaker;
    $("pages").hidden = stage.pages < 2;
    $("page").textContent = filled(this.#words.page, { page: stage.page + 1, pages: stage.pages });
    $("page-back").disabled = stage.page === 0;
    $("page-on").disabled = stage.page + 1 >= stage.pages;
    const seen = stage.tiles.flatMap((id) => this.#sent.get(id) ?? []);
    this.#watch(new Set(seen.map(({ id, kind }) => pictureKey(id, kind))));
    this.showInPicture(stage.first || stage.tiles.find((id) => this.#sent.has(id)) || "");
  }

  /** Show the large picture in the small window beside other programs, too. */
  showInPicture(id) {
    const track = this.#tiles.trackOf(id);
    const video = $("pip-video");
    if ((video.srcObject?.getVideoTracks()[0] ?? null) !== track) video.srcObject = track && new MediaStream([track]);
    $("pip").disabled = !track;
  }

  /** Show the next page of tiles (1), or the one before (-1). */
  #turn(step) {
    this.#own.page += step;
    this.draw();
  }

  /** Pin the participant in whose tile the button lies, or unpin it. */
  #pinBy(button) {
    if (!button) return;
    const { id } = button.closest(".tile").dataset;
    this.#own.pin = this.#own.pin === id ? "" : id;
    this.draw();
  }
}
