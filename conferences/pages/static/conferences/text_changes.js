// How one text became another, and where a place in a text lies after a change of it.

const isInPair = (text, at) => at > 0 && at < text.length && text.charCodeAt(at) >> 10 === 0x37 && text.charCodeAt(at - 1) >> 10 === 0x36;

/** Return the change from one text to another: what lay between `start` and `end` was replaced by `inserted`. */
export function difference(before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  // The two halves of a character outside the basic plane stay together.
  while (isInPair(before, start) || isInPair(after, start)) start--;
  let same = 0;
  while (same < shorter - start && before.at(-1 - same) === after.at(-1 - same)) same++;
  while (isInPair(before, before.length - same) || isInPair(after, after.length - same)) same--;
  return { start, end: before.length - same, inserted: after.slice(start, after.length - same) };
}

/** Return where a place in a text lies after a change: a list of {retain}, {insert} and {delete}, as Yjs tells it. */
export function moved(place, delta) {
  let at = 0;
  for (const { retain = 0, insert = "", delete: deleted = 0 } of delta) {
    at += retain + insert.length;
    if (insert && at - insert.length < place) place += insert.length;
    if (deleted && at < place) place -= Math.min(deleted, place - at);
  }
  return place;
}

/** Return a text in parts of at most so many characters; none begins in the middle of a character. */
export function partsOf(text, most) {
  const parts = [];
  for (let start = 0, end; start < text.length; start = end) {
    end = Math.min(start + most, text.length);
    if (isInPair(text, end)) end--;
    parts.push(text.slice(start, end));
  }
  return parts;
}
