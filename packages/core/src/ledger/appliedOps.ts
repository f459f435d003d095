/** Ops in checkpoints: those of the last one, and the ids of the latest before. */
import type {OpId} from "../primitives/id.ts";
import {RecentMap} from "../primitives/recentMap.ts";
import type {Op} from "./op.ts";

const IDS_MIN = 100_000;
/** With each entry. */
const MOVED_AT_ONCE = 256;

export class AppliedOps {
  #last: ReadonlyMap<OpId, Op> = new Map();
  /** Of the checkpoint before, until all its ids are moved. */
  #before = this.#last;
  #unmoved: Iterator<OpId> = this.#before.keys();
  readonly #ids = new RecentMap<OpId, true>(IDS_MIN);

  /** Of the last checkpoint. */
  get(id: OpId): Op | undefined {
    return this.#last.get(id);
  }

  has(id: OpId): boolean {
    return this.#last.has(id) || this.#before.has(id) || this.#ids.has(id);
  }

  adopt(applied: ReadonlyMap<OpId, Op>): void {
    this.move(Number.POSITIVE_INFINITY);
    this.#before = this.#last;
    this.#unmoved = this.#before.keys();
    this.#last = applied;
  }

  /** A checkpoint keeps its node busy for long enough: the thousands of ids that it leaves behind go bit by bit. */
  move(countMax = MOVED_AT_ONCE): void {
    for (let count = 0; count < countMax; count += 1) {
      const {value, done} = this.#unmoved.next();
      if (done === true) {
        this.#before = new Map();
        return;
      }
      this.#ids.set(value, true);
    }
  }
}
