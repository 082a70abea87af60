// What the chair has decided about this page and its person: who may talk, who is shown, and how loud it is.

import { changesByItself, layoutOf } from "./layout.js";

const LOUDEST = 35;
/** Characters by which all ids of one person's browser begin. */
export const VISITOR_LENGTH = 16;

/** The room is the state of the conference as the unit told it last, and who talked last. */
export class Room {
  state = { arrangement: {}, people: [], me: "", visitor: "", talking: "", chairman: "", speaker: "", recording: false };

  /** Take a notice of the state; `id` is the one of this page's person. */
  hear({ people, chairman, speaker, recording = false, arrangement = {} }, id) {
    const mine = people.find(({ ids }) => ids.includes(id));
    const [me, visitor] = [mine?.mtid ?? "", id.slice(0, VISITOR_LENGTH)];
    this.state = { ...this.state, arrangement, people, chairman, speaker, recording, me, visitor };
  }

  /** Note who talks. */
  talks(id) {
    const { people, talking } = this.state;
    this.state.talking = people.find(({ ids }) => ids.includes(id))?.mtid ?? talking;
  }

  /** Whether this person has a right ("share", "chat", "unmute"), which a chair may keep for chairs and co-chairs. */
  has(right) {
    const { arrangement: { chairsonly = [], chair, cochairs = [] }, chairman, me, visitor } = this.state;
    if (!chairsonly.includes(right) || cochairs.includes(visitor)) return true;
    // The terminal alone may be somebody who has typed the chairman's name.
    return Boolean(me) && me === chairman && (!chair || chair === visitor);
  }

  /** Whether the chair lets this person open the microphone. */
  get mayTalk() {
    const { arrangement: { hold, maytalk = [], spare, mix }, chairman, speaker, me } = this.state;
    if (!maytalk.includes(me) && !this.has("unmute")) return false;
    if (mix?.mode === 2 && !mix.members?.includes(me)) return false;
    return !hold || maytalk.includes(me) || Boolean(spare && [chairman, speaker].includes(me));
  }

  /** Return the form in which tiles are shown, and which ones first, by the ids that `has` knows. */
  arranged(has) {
    const { style, shown, only } = layoutOf(this.state, Date.now());
    const idOf = (mtid) => this.state.people.find((person) => person.mtid === mtid)?.ids.find(has);
    const ids = shown.map(idOf).filter(Boolean);
    return { style: ids.length ? style : "", ids, only: only && ids.length > 0 };
  }

  /** Whether the arrangement changes with time alone. */
  get changesByItself() {
    return changesByItself(this.state.arrangement);
  }

  /** Return how loud this page plays (0 to 1), and sends (percent; undefined: as it is). */
  get loudness() {
    const { 1: loudspeaker, 2: microphone } = this.state.arrangement.volumes?.[this.state.me] ?? {};
    return { played: (loudspeaker ?? LOUDEST) / LOUDEST, sent: microphone === undefined ? undefined : Math.round((microphone / LOUDEST) * 100) };
  }
}
