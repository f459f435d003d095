/**
 * Members that carried an op which its owner did not sign, as this witness saw it in this epoch. An honest member
 * never carries one, and each costs whoever looks 1.2 ms: so nothing more that such a member carries, or alone votes
 * for, is looked at until the epoch ends. Only this witness's own votes go by that. What others carry or vote for
 * too counts as ever, and an owner whose op nobody else has sends it again.
 */
import type {Committee, VoterMask} from "./committee.ts";

export class Liars {
  readonly #committee: () => Committee;
  readonly #seats = new Set<number>();

  constructor(committee: () => Committee) {
    this.#committee = committee;
  }

  add(seat: number): void {
    this.#seats.add(seat);
  }

  has(seat: number): boolean {
    return this.#seats.has(seat);
  }

  /** Whether nobody else is among these voters. */
  areAll(mask: VoterMask): boolean {
    const committee = this.#committee();
    let others = mask;
    for (const seat of this.#seats) others &= ~committee.bitOf(seat);
    return others === 0;
  }

  beganEpoch(): void {
    this.#seats.clear();
  }
}
