// The quality of the own line, and when pictures are given up so that the sound goes on. Pure.

export const GOOD = "good", FAIR = "fair", BAD = "bad";
/** From which share of lost packets a line is bad, and from which share or round trip (seconds) it is not good. */
const BAD_LOSS = 0.1, FAIR_LOSS = 0.03, FAIR_ROUND_TRIP = 0.5;
/** Milliseconds after which a line counts as better or worse: a single hiccup is nothing to tell. */
const STEADY = 5000;
/** Milliseconds of a bad line after which pictures are given up. */
const BAD_FOR = 10000;
/** Milliseconds of a good line after which pictures are tried again; longer after each time that this was too soon. */
const GOOD_FOR = 20000;
const LONGEST = 320000;

/** Return how good a line is. @param {{loss: number, roundTrip: number}} sample loss is a share from 0 to 1 */
export function levelOf({ loss, roundTrip }) {
  if (loss >= BAD_LOSS) return BAD;
  // A long way alone, as over a satellite, is no reason to give pictures up.
  return loss >= FAIR_LOSS || roundTrip >= FAIR_ROUND_TRIP ? FAIR : GOOD;
}

/** A judge of the line remembers how long it was bad or good. */
export class LineJudge {
  level = GOOD;
  /** Whether pictures are given up. */
  isSoundOnly = false;
  #latest = GOOD;
  #since = 0;
  #wait = GOOD_FOR;

  /** Judge a sample at a moment (milliseconds). Returns whether `level` or `isSoundOnly` changed. */
  judge(sample, now) {
    const before = [this.level, this.isSoundOnly];
    const level = levelOf(sample);
    if (level !== this.#latest || !this.#since) this.#since = now;
    this.#latest = level;
    const lasted = now - this.#since;
    if (lasted >= STEADY) this.level = level;
    if (!this.isSoundOnly && level === BAD && lasted >= BAD_FOR) {
      this.isSoundOnly = true;
    } else if (this.isSoundOnly && level === GOOD && lasted >= this.#wait) {
      this.#wait = Math.min(LONGEST, this.#wait * 2);
      this.showAgain(now);
    }
    return before[0] !== this.level || before[1] !== this.isSoundOnly;
  }

  /** Try pictures again, as the person wishes, too. */
  showAgain(now) {
    this.isSoundOnly = false;
    this.#since = now;
  }
}
