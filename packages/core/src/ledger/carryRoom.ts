/**
 * How much the logs of an epoch may carry. Ops cost memory and disk at every node, and a bad member can carry what no
 * cut ever applies: signed by nobody, or by an owner who signs without number, or done long ago. So what an entry may
 * carry is bounded by what every node has, the cut below the one that it is stamped with:
 *
 *   - bytes of ops that its log carries in that cut's past and no cut applied since they were there: at most
 *     `wasteBytesMax`, and half as many as were applied;
 *   - bytes of ops that its log carries beyond that cut, its own among them: at most `aheadBytesMax`.
 *
 * An entry that carries more never gets into the graph, and nobody is blamed for it. One that carries nothing always
 * has room: agreement needs its stamp. The cut is the one below, so that nodes of which one has adopted the next
 * already, and the other not yet, judge alike; whoever lags further takes the entry when it is there.
 */
import type {Entry} from "./entry.ts";

/** Bytes of ops that one member's log carries in the past of a cut, and those of them that a cut applied. */
export type Load = {readonly carried: number; readonly useful: number};

/** By seat. */
export type Loads = ReadonlyMap<number, Load>;

export type CarryLimits = {
  readonly wasteBytesMax: number;
  readonly aheadBytesMax: number;
  /** Beyond this an honest writer waits for a checkpoint. */
  readonly ownAheadBytesMax: number;
};

export const NO_LOAD: Load = {carried: 0, useful: 0};
/** Two members may carry an op at once, and the second is late: no fault of it. */
const WASTE_OF_USEFUL = 0.5;

export class CarryRoom {
  readonly #limits: CarryLimits;
  /** Height of the cut that closed the epoch before. */
  #floorH = 0n;
  readonly #loads = new Map<bigint, Loads>();

  constructor(limits: CarryLimits) {
    this.#limits = limits;
  }

  begin(floorH: bigint): void {
    this.#floorH = floorH;
    this.#loads.clear();
  }

  note(height: bigint, loads: Loads): void {
    this.#loads.set(height, loads);
  }

  /** The cut that it is judged by is not known here yet. */
  isAhead({header: {stampH}, carry}: Pick<Entry, "header" | "carry">): boolean {
    return carry.length > 0 && stampH - 1n > this.#floorH && !this.#loads.has(stampH - 1n);
  }

  /** `before`: bytes that the log carries in this epoch up to the entry. */
  hasRoom({header: {stampH, witness}, carry}: Pick<Entry, "header" | "carry">, before: number): boolean {
    return carry.length === 0 || bytesOf(carry) <= this.#left(stampH, witness, before);
  }

  /** How many bytes of ops an honest writer may put into an entry of this stamp; 0 for none. */
  ownRoom(stampH: bigint, witness: number, before: number): number {
    const {aheadBytesMax, ownAheadBytesMax} = this.#limits;
    const left = this.#left(stampH, witness, before);
    return left < aheadBytesMax - ownAheadBytesMax ? 0 : left;
  }

  #left(stampH: bigint, witness: number, before: number): number {
    const {wasteBytesMax, aheadBytesMax} = this.#limits;
    const {carried, useful} = this.#loads.get(stampH - 1n)?.get(witness) ?? NO_LOAD;
    const isWasting = carried - useful > wasteBytesMax + useful * WASTE_OF_USEFUL;
    return isWasting ? 0 : aheadBytesMax - (before - carried);
  }
}

export function bytesOf(carry: Entry["carry"]): number {
  return carry.reduce((sum, {bytes}) => sum + bytes.length, 0);
}
