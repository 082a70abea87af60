// The hands that are up, in the order in which they were raised, and the wish of this page's person. Pure.

/** Milliseconds in which the unit has told all of a change; after them the page says it once more. */
const TOLD_WITHIN = 3000;

/** The own hand is kept by the page as well, so that it is up again on a unit that has not heard of it. */
export class OwnHand {
  isUp = false;
  #isWaiting = false;
  #saidAt = 0;

  /** Raise or lower it; the caller tells the unit. */
  toggle(now) {
    this.isUp = !this.isUp;
    this.#isWaiting = true;
    this.#saidAt = now;
  }

  /** Note that the page enters a unit, which may not know of the hand. */
  enter() {
    this.#isWaiting = true;
    this.#saidAt = -Infinity;
  }

  /**
   * Take what the unit says: whether the hand is up. Without a change that is under way the unit is right.
   * @returns {boolean} whether the unit has to be told
   */
  hear(isUp, now) {
    if (isUp === this.isUp || !this.#isWaiting) {
      this.isUp = isUp;
      this.#isWaiting = false;
      return false;
    }
    if (now - this.#saidAt < TOLD_WITHIN) return false;
    this.#saidAt = now;
    return true;
  }
}

/**
 * Return the hands that are up, of people who are there, in order.
 * @param {{arrangement: {hands?: string[]}, people: {mtid: string, ids: string[]}[]}} state of the conference
 * @param {(id: string) => boolean} has says which ids of people the page knows
 * @returns {{mtid: string, id: string}[]}
 */
export function handsOf({ arrangement: { hands = [] }, people }, has) {
  const idOf = (mtid) => people.find((person) => person.mtid === mtid)?.ids.find(has) ?? "";
  return hands.map((mtid) => ({ mtid, id: idOf(mtid) })).filter(({ id }) => id);
}

export const REACTIONS = ["👍", "👏", "❤️", "😂", "😮", "🎉"];

/** So many reactions of one person within so many milliseconds are shown; more are left out. */
const MOST = 4;
const WITHIN = 4000;

export class ReactionLimit {
  #times = new Map();

  /** Count a reaction of somebody, and return whether it is sent, or shown. */
  allows(id, now) {
    const recent = (this.#times.get(id) ?? []).filter((time) => now - time < WITHIN);
    if (recent.length < MOST) this.#times.set(id, [...recent, now]);
    return recent.length < MOST;
  }
}
