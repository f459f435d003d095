/**
 * Builds a path-compressed tree from its parts in key order, left to right, with no more than the open right
 * edge in memory. A part is a leaf, or a whole subtree of which only the hash is known; a gap is the bit in
 * which the ids on its two sides first differ. Of all gaps the smallest is the root's bit, and so on downwards.
 */
import {assert} from "../errors/assert.ts";

type Part<T> = {
  readonly node: T;
  /** The gap on its left; -1 for the first. */
  readonly gap: number;
};

export class TreeFold<T> {
  readonly #join: (bit: number, left: T, right: T) => T;
  /** Gaps ascend. */
  readonly #edge: Part<T>[] = [];

  constructor(join: (bit: number, left: T, right: T) => T) {
    this.#join = join;
  }

  get isEmpty(): boolean {
    return this.#edge.length === 0;
  }

  /** `gap` is of no meaning for the first part. False, and nothing done, when no tree has these gaps. */
  push(gap: number, node: T): boolean {
    if (this.isEmpty) {
      this.#edge.push({node, gap: -1});
      return true;
    }
    if (!Number.isInteger(gap) || gap < 0 || gap > 255) return false;
    while ((this.#edge.at(-1)?.gap ?? -1) > gap) this.#close();
    // Under one inner node two gaps of one bit cannot be: its left and its right side differ there.
    if (this.#edge.at(-1)?.gap === gap) return false;
    this.#edge.push({node, gap});
    return true;
  }

  /** The root; `undefined` of no parts. Nothing may be pushed any more. */
  finish(): T | undefined {
    while (this.#edge.length > 1) this.#close();
    return this.#edge[0]?.node;
  }

  #close(): void {
    const right = this.#edge.pop();
    const left = this.#edge.pop();
    assert(left !== undefined && right !== undefined, "two parts make an inner node");
    this.#edge.push({node: this.#join(right.gap, left.node, right.node), gap: left.gap});
  }
}
