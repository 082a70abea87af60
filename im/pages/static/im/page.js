// Small helpers that all parts of the page use: find elements, fill in texts, format values.

/** Return the element of the page with this id. */
export const $ = (id) => document.getElementById(id);
export const start = JSON.parse($("start").textContent);
export const { words } = start;
/** Return a text with values in its places, such as `%(name)s`. */
export const say = (text, named) => text.replace(/%\((\w+)\)s/g, (_, key) => named[key]).replaceAll("%%", "%");
/** Return the element inside a node that is marked with `data-<name>`. */
export const part = (node, name) => node.querySelector(`[data-${name}]`);
/** Return a copy of the HTML template with this id. */
export const made = (id) => $(id).content.firstElementChild.cloneNode(true);

/** Fill in a text; an element without text is hidden. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

const ADDRESS = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}'，。；：！？）】》]/g;

/** Fill in what a person wrote; web addresses in it become links. */
export function putWritten(node, text) {
  node.hidden = !text;
  if (node.textContent === text) return;
  node.replaceChildren();
  let end = 0;
  for (const { 0: address, index } of text.matchAll(ADDRESS)) {
    const link = document.createElement("a");
    Object.assign(link, { href: address, target: "_blank", rel: "noopener noreferrer nofollow", textContent: address });
    node.append(text.slice(end, index), link);
    end = index + address.length;
  }
  node.append(text.slice(end));
}

let noticeTimer = 0;
/** Show a notice at the edge of the page, for so many seconds; 0 means until the next notice. */
export function notice(text, seconds = 8) {
  put($("notice"), text);
  clearTimeout(noticeTimer);
  if (seconds) noticeTimer = setTimeout(() => ($("notice").hidden = true), seconds * 1000);
}

const language = document.documentElement.lang;
const CLOCK = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const SHORT = new Intl.DateTimeFormat(language, { day: "numeric", month: "numeric" });
/** Return the time of day as text. */
export const clock = (moment) => CLOCK.format(new Date(moment));

/** Return the day in words. */
export function day(moment, short = false) {
  const then = new Date(moment);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return short ? clock(moment) : words.today;
  if (days === 1) return words.yesterday;
  return (short ? SHORT : DAY).format(then);
}

/** Return a number of bytes as text, such as "1.5 MiB". */
export function bytes(n) {
  const step = n < 1024 ? 0 : n < 1024 ** 2 ? 1 : n < 1024 ** 3 ? 2 : 3;
  const number = n / 1024 ** step;
  return `${number < 10 && step ? number.toFixed(1) : Math.round(number)} ${["B", "KiB", "MiB", "GiB"][step]}`;
}

/** Return a duration in milliseconds as minutes and seconds, such as "1:05". */
export const minutes = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

/** Show a person's initials on that person's colour. */
export function face(node, name) {
  const parts = name.trim().split(/\s+/);
  const letters = parts.length > 1 ? [parts[0], parts.at(-1)] : [parts[0]];
  node.textContent = letters.map((one) => [...one][0] ?? "").join("").toUpperCase();
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  node.style.setProperty("--hue", String(sum));
}

/** Put nodes into a list, in this order; nodes that stay are not moved, so that they keep the focus. */
export function arrange(list, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...list.children]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, place) => {
    if (list.children[place] !== node) list.insertBefore(node, list.children[place] ?? null);
  });
}

/** Make a text field as high as its text, up to 160 pixels. */
export function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
}
