// Which part of the whiteboard is shown: all of it, or less and larger.

import { HEIGHT, WIDTH } from "./board_elements.js";

const LARGEST = 8;
const STEP = 1.5;

export class BoardView {
  /** @param svg is the picture */
  constructor(svg) {
    this.#svg = svg;
  }
  #svg;
  #scale = 1;
  #x = 0;
  #y = 0;

  /** Show all. */
  fit() {
    this.#scale = 1;
    this.move(0, 0);
  }

  /** Show more (`isCloser` false) or less and larger, around the middle. */
  zoom(isCloser) {
    const before = this.#scale;
    this.#scale = Math.min(LARGEST, Math.max(1, isCloser ? before * STEP : before / STEP));
    this.move((WIDTH / before - WIDTH / this.#scale) / 2, (HEIGHT / before - HEIGHT / this.#scale) / 2);
  }

  /** Show what lies so much further to the right and down. */
  move(right, down) {
    const inside = (value, whole) => Math.min(Math.max(value, 0), whole - whole / this.#scale);
    this.#x = inside(this.#x + right, WIDTH);
    this.#y = inside(this.#y + down, HEIGHT);
    this.#svg.setAttribute("viewBox", [this.#x, this.#y, WIDTH / this.#scale, HEIGHT / this.#scale].join(" "));
  }

  /** Move by a part of what is shown. */
  moveByKey(key) {
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const direction = directions[key];
    if (direction) this.move((direction[0] * WIDTH) / this.#scale / 8, (direction[1] * HEIGHT) / this.#scale / 8);
    return Boolean(direction);
  }

  /** The middle of what is shown. */
  get middle() {
    return [Math.round(this.#x + WIDTH / this.#scale / 2), Math.round(this.#y + HEIGHT / this.#scale / 2)];
  }

  /** Return where on the board a pointer is. */
  pointOf({ clientX, clientY }) {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(this.#svg.getScreenCTM().inverse());
    return [Math.round(x), Math.round(y)];
  }
}
