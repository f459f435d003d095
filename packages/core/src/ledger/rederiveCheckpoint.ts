/** One stored checkpoint against what is computed: fields first, so that a wrong one is named, then its proof. */
import {equalBytes} from "../primitives/bytes.ts";
import {encodeCheckpoint} from "./checkpoint.ts";
import {type Cut, type CutContext, computeCut} from "./cut.ts";
import {type Difference, type Divergence, firstDifference, undecodable} from "./divergence.ts";
import {decodeFinalCheckpoint, encodeFinalCheckpoint, type FinalCheckpoint, isProven} from "./finality.ts";
import {checkInvariants, isConserved} from "./invariants.ts";
import type {LedgerRecord} from "./ledgerRecord.ts";
import {type OpSoundness, unsoundOp} from "./rederiveOps.ts";
import {committeeNow} from "./register.ts";

type CheckpointRecord = Extract<LedgerRecord, {kind: "checkpoint"}>;

export type CheckedCheckpoint =
  | {readonly ok: true; readonly cut: Cut; readonly final: FinalCheckpoint}
  | {readonly ok: false; readonly divergence: Divergence};

/** The next checkpoint on what the context holds. Throws an `InvariantError` where not even a state follows. */
export function checkCheckpoint(
  record: CheckpointRecord,
  context: CutContext,
  check: OpSoundness,
): CheckedCheckpoint {
  const height = context.parent.height + 1n;
  const differs = (difference: Difference): CheckedCheckpoint => ({
    ok: false,
    divergence: {height, item: {kind: "checkpoint", height}, ...difference},
  });
  if (record.height !== height)
    return differs({field: "height", expected: `${height}`, found: `${record.height}`});
  const final = decoded(record.bytes);
  if ("field" in final) return differs(final);
  const result = computeCut(context, final.checkpoint.heads);
  if (result.kind !== "cut")
    return differs(headsDifference(final, context, result.kind === "wait" ? "" : result.reason));
  const {cut} = result;
  const unsound = unsoundOp(cut, context, check);
  if (unsound !== undefined) return {ok: false, divergence: unsound};
  const difference =
    firstDifference(cut.checkpoint, final.checkpoint) ??
    byteDifference(final, record) ??
    proofDifference(final, context, check);
  if (difference !== undefined) return differs(difference);
  const violation = violationOf(cut);
  return violation === undefined ? {ok: true, cut, final} : differs(violation);
}

function decoded(bytes: Uint8Array): FinalCheckpoint | Difference {
  try {
    return decodeFinalCheckpoint(bytes);
  } catch (error) {
    return undecodable(error);
  }
}

function headsDifference(
  {checkpoint}: FinalCheckpoint,
  {dag, parent}: CutContext,
  reason: string,
): Difference {
  const absent = checkpoint.heads.find(({hash}) => !dag.has(hash));
  if (absent !== undefined) {
    const {witness, n, hash} = absent;
    return {
      field: "heads",
      expected: `an entry ${witness}/${n} of hash ${hash}`,
      found: "none among the entries before it",
    };
  }
  const found = reason === "" ? "too few of them, or too early" : reason;
  return {field: "heads", expected: `a cut above checkpoint ${parent.height} with stamps of a quorum`, found};
}

/** Nothing but the fields may be in the bytes: what was agreed on and what is kept are one string. */
function byteDifference(final: FinalCheckpoint, {bytes}: CheckpointRecord): Difference | undefined {
  if (equalBytes(encodeFinalCheckpoint(final), bytes)) return undefined;
  return {
    field: "encoding",
    expected: `${encodeCheckpoint(final.checkpoint).length} canonical bytes`,
    found: "other bytes",
  };
}

function proofDifference(
  final: FinalCheckpoint,
  {base}: CutContext,
  check: OpSoundness,
): Difference | undefined {
  const committee = committeeNow(base.register);
  if (isProven(final, {...check, committee})) return undefined;
  const found = `${final.signatures.length} signatures, not all of them valid or too few`;
  return {field: "signatures", expected: `finalize signatures of weight ${committee.quorum}`, found};
}

/** I5, and money; the full recount costs every cell, so it runs where an epoch ends. */
function violationOf({blocked, checkpoint, state}: Cut): Difference | undefined {
  const [first] = blocked;
  if (first !== undefined)
    return violated("I5", `certified op ${first.op.id} does not apply: ${first.reason}`);
  if (!isConserved(checkpoint.totals)) return violated("I1", "money was made or lost");
  const [violation] = checkpoint.isLastOfEpoch ? checkInvariants(state, 1) : [];
  return violation && violated(violation.invariant, violation.detail);
}

/** Also for the recount at the end. */
export function violated(invariant: string, found: string): Difference {
  return {field: `invariant ${invariant}`, expected: "holds", found};
}
