// The layout says which participants this page shows, in which order and form, by the arrangement of the conference.

/** How many pictures each documented layout shows; one that is not here shows all. */
const PLACES = { 1: 1, 2: 2, 3: 2, 61: 2, 62: 2, 63: 2, 4: 3, 23: 3, 5: 4, 35: 5, 6: 6, 13: 7, 7: 8, 8: 9, 18: 10, 38: 11, 39: 12,
  19: 13, 17: 14, 20: 15, 11: 16, 46: 17, 48: 18, 51: 19, 14: 20, 54: 21, 56: 22, 59: 24, 27: 25 };
const GIVEN = 1, SPEAKER = 2, CHAIRMAN = 3, POLL = 4, TALKING = 5, OWN_POLL = 6;
const CHOSEN = 1, AUTOMATIC = 2;
export const LARGE = "large";

/** Return whom a poll shows at a moment (milliseconds): an mtid, or "" when it is over. */
export function polled(poll, now) {
  const members = poll?.members ?? [];
  if (!members.length) return "";
  const seconds = poll.state === 2 || !poll.since ? 0 : Math.max(0, now - Date.parse(poll.since)) / 1000;
  const position = (poll.poll_index ?? 1) - 1 + Math.floor(seconds / (poll.keep_time ?? 10));
  if (poll.num && position >= poll.num * members.length) return "";
  return members[position % members.length];
}

/**
 * Return `{style, shown, only}`: the form of the stage, the mtids in the order in which they are shown, and whether
 * nobody else is. `room` has the arrangement, chairman, speaker, who talked last, and the mtid of this page (`me`).
 */
export function layoutOf(room, now) {
  const { arrangement = {}, chairman, speaker, talking, me } = room;
  const view = (arrangement.views ?? []).find(({ dst }) => dst === me);
  if (view) return { style: LARGE, shown: [view.src], only: false };
  const layout = arrangement.layouts?.[me] ?? arrangement.layout;
  const current = polled(arrangement.poll, now);
  if (layout) return composed(layout, { ...room, current }, now);
  const seen = chairman === me ? polled(arrangement.chairmanpoll, now) : "";
  const large = seen || current || (arrangement.broadcast && speaker) || (arrangement.vad && talking);
  if (large) return { style: LARGE, shown: [large, ...(arrangement.vips ?? [])], only: false };
  return { style: "", shown: [...(arrangement.vips ?? [])], only: false };
}

/** Return style and shown terminals of a picture composed as the chairman or the API has chosen. */
function composed(layout, { chairman, speaker, talking, current, arrangement }, now) {
  if (layout.mode === AUTOMATIC) return { style: "", shown: [speaker, ...(arrangement.vips ?? [])].filter(Boolean), only: false };
  if (layout.mode !== CHOSEN) return { style: String(layout.layout), shown: batch(layout, now), only: true };
  const who = { [SPEAKER]: () => speaker, [CHAIRMAN]: () => chairman, [POLL]: () => current, [TALKING]: () => talking };
  who[GIVEN] = ({ mt_id }) => mt_id;
  who[OWN_POLL] = ({ poll }) => inTurn(poll, 1, now)[0];
  const shown = [...(layout.members ?? [])]
    .sort((one, other) => one.chn_idx - other.chn_idx)
    .map((place) => who[place.member_type]?.(place))
    .filter(Boolean);
  return { style: String(layout.layout), shown: [...new Set(shown)], only: true };
}

/** Return the members of a layout's poll whose turn it is; so many as the layout has places. */
const batch = (layout, now) => inTurn(layout.poll, PLACES[layout.layout] ?? 25, now);

/** Return the members of a poll whose turn it is; all pages agree, as they go by the time of day. */
function inTurn(poll, count, now) {
  const ids = (poll?.members ?? []).map(({ mt_id }) => mt_id);
  if (!ids.length) return [];
  const batches = Math.ceil(ids.length / count);
  const turn = Math.floor(now / 1000 / (poll.keep_time || 10)) % batches;
  return ids.slice(turn * count, (turn + 1) * count);
}

/**
 * Return whether the layout changes with time alone, so that the page has to look again.
 * @param {any} arrangement of the conference
 */
export const changesByItself = ({ layout, layouts, poll, chairmanpoll } = {}) =>
  Boolean(poll || chairmanpoll || [layout, ...Object.values(layouts ?? {})].some((one) => one?.mode > AUTOMATIC
    || one?.members?.some(({ member_type }) => member_type === OWN_POLL || member_type === POLL)));
