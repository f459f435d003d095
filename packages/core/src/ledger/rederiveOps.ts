/** Form and signatures of the ops that a cut applies, each against the state that it was applied to. */
import type {SignatureVerifier} from "../ports/signer.ts";
import {tryApply} from "./apply.ts";
import type {Cut, CutContext} from "./cut.ts";
import type {Divergence} from "./divergence.ts";
import type {Op} from "./op.ts";
import {checkOpForm} from "./opChecks.ts";
import type {LedgerState} from "./state.ts";

export type OpSoundness = {
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly verifier: SignatureVerifier;
};

/** The first op that more than 2/3 of the weight voted for although its owner did not sign it so. */
export function unsoundOp(cut: Cut, context: CutContext, check: OpSoundness): Divergence | undefined {
  const state = context.base.fork();
  const {height, epoch} = cut.checkpoint;
  for (const op of cut.applied) {
    // It may have been voted for in its last epoch and be certified later.
    const voted = frozenSince(state, op) ?? epoch;
    const at = {...check, state, epoch: Math.min(voted, op.body.validUntilEpoch)};
    const problem = problemOf(op, at, () => copiesOf(op, cut, context));
    if (problem !== undefined) {
      return {
        height,
        item: {kind: "op", id: op.id},
        field: problem,
        expected: "what its owner signed",
        found: problem,
      };
    }
    // Keys and locks of what follows come from here; what acts outside the fold changes neither.
    tryApply(state, op, {height});
  }
  return undefined;
}

function problemOf(
  op: Op,
  context: OpSoundness & {readonly state: LedgerState; readonly epoch: number},
  copies: () => readonly Op[],
): string | undefined {
  const answer = checkOpForm(op, context);
  if (answer.ok) return undefined;
  // Ids do not cover signatures: a bad witness may carry a spoilt copy of a sound op.
  return copies().some((copy) => checkOpForm(copy, context).ok) ? undefined : answer.reason;
}

/** Epoch of the votes for an op that was rescued: its fee was enough then. */
function frozenSince(state: LedgerState, {body: {cell}}: Op): number | undefined {
  return state.logCell(cell)?.frozen?.epoch;
}

function copiesOf({id}: Op, {nodes}: Cut, {carried, dag}: CutContext): readonly Op[] {
  const before = carried.get(id)?.copies.map(({op}) => op) ?? [];
  const acked = nodes.flatMap(({entry}) => entry.acks.map(({hash}) => dag.node(hash)));
  const carriers = [...nodes, ...acked.filter((node) => node !== undefined)];
  return [...before, ...carriers.flatMap(({entry}) => entry.carry.filter((op) => op.id === id))];
}
