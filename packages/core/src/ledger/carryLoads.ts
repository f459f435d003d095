/** What became of what logs carry, cut by cut: which entries are done with, and how many bytes of ops were of use. */
import type {OpId} from "../primitives/id.ts";
import {bytesOf, type Load, type Loads, NO_LOAD} from "./carryRoom.ts";
import type {Cut} from "./cut.ts";
import type {Dag, EntryNode} from "./dag.ts";
import type {Op} from "./op.ts";
import {coveredHeads} from "./register.ts";
import {isResolved} from "./resolved.ts";
import type {LedgerState} from "./state.ts";
import type {Covered} from "./storedPlaces.ts";

/** By seat. */
export type Bytes = ReadonlyMap<number, number>;

/**
 * Marks covered entries of which every op is resolved. Returns how many bytes of what each member carries are applied
 * now; a second copy that is covered later counts for nothing.
 */
export function settle(
  covered: Iterable<EntryNode>,
  state: LedgerState,
  applied: ReadonlyMap<OpId, Op>,
): Bytes {
  const useful = new Map<number, number>();
  for (const node of covered) {
    if (node.isSettled) continue;
    const {carry, header} = node.entry;
    const bytes = bytesOf(carry.filter(({id}) => applied.has(id)));
    useful.set(header.witness, (useful.get(header.witness) ?? 0) + bytes);
    node.isSettled = carry.every((op) => isResolved(state, op));
  }
  return useful;
}

/** What a cut covers first, and where the logs stand with it. */
export function coveredBy(
  {checkpoint, nodes, state}: Cut,
  {useful, before, dag}: {readonly useful: Bytes; readonly before: Loads; readonly dag: Dag},
): Covered {
  const loads = coveredHeads(checkpoint, state.register).map(({witness, hash}): [number, Load] => {
    const so = before.get(witness) ?? NO_LOAD;
    return [witness, {carried: dag.carriedAt(hash), useful: so.useful + (useful.get(witness) ?? 0)}];
  });
  const places = nodes.map(({entry: {header, hash}}) => ({
    ...{witness: header.witness, n: header.n, hash},
    carried: dag.carriedAt(hash),
  }));
  return {places, loads: new Map(loads)};
}
