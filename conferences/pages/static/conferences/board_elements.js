// The elements of the whiteboard as SVG. They come from other pages, and may be anything: what is not well formed is not shown.

export const WIDTH = 1600;
export const HEIGHT = 900;
/** The colours by their number; on the page `c0` … are their classes. */
export const COLOURS = ["#1b1f24", "#d12d33", "#1d6fdc", "#14804a", "#b3590a", "#7a3fc4"];
export const LONGEST_TEXT = 200;

const MOST_NUMBERS = 600;
const MOST_WIDTH = 40;
const SVG = "http://www.w3.org/2000/svg";
/** How many numbers the points of an element have, at least and at most. */
const NUMBERS = { pen: [2, MOST_NUMBERS], line: [4, 4], rect: [4, 4], text: [2, 2] };

/** Return an SVG node with attributes. */
export function svgNode(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}

/** Return an element as it is written: `t` is the tool, `c` the number of the colour, `w` the width, `p` the points. */
export const written = (element) => JSON.stringify(element);

/** Return an element that somebody has written, or null if it is none. */
export function read(text) {
  let element;
  try {
    element = JSON.parse(text);
  } catch {
    return null;
  }
  const { t: tool, c: colour, w: width, p: points, s: label = "" } = element ?? {};
  if (!Object.hasOwn(NUMBERS, tool) || !Object.hasOwn(COLOURS, colour) || !Array.isArray(points)) return null;
  const [fewest, most] = NUMBERS[tool];
  const isNumber = (value) => Number.isFinite(value) && Math.abs(value) < 1e5;
  if (points.length < fewest || points.length > most || points.length % 2 || !points.every(isNumber)) return null;
  if (!isNumber(width) || width <= 0 || width > MOST_WIDTH || typeof label !== "string") return null;
  return { t: tool, c: colour, w: width, p: points, s: label.slice(0, LONGEST_TEXT) };
}

/** Return the SVG node of an element. */
export function nodeOf({ t: tool, c: colour, w: width, p: points, s: label }) {
  const [x1, y1, x2, y2] = points;
  if (tool === "text") {
    const node = svgNode("text", { x: x1, y: y1, fill: COLOURS[colour], "font-size": 28 + 5 * width, "font-family": "sans-serif" });
    node.textContent = label;
    return node;
  }
  const line = { fill: "none", stroke: COLOURS[colour], "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" };
  if (tool === "line") return svgNode("line", { x1, y1, x2, y2, ...line });
  if (tool === "rect") {
    const [x, y] = [Math.min(x1, x2), Math.min(y1, y2)];
    return svgNode("rect", { x, y, width: Math.abs(x2 - x1), height: Math.abs(y2 - y1), ...line });
  }
  // A point alone is a line without length, whose round ends are a dot.
  return svgNode("polyline", { points: (points.length > 2 ? points : [...points, ...points]).join(" "), ...line });
}

/** Return the picture as a PNG, or null if the browser cannot make one. */
export async function pngOf(svg) {
  const copy = svg.cloneNode(true);
  for (const [key, value] of Object.entries({ width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, xmlns: SVG })) copy.setAttribute(key, String(value));
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
