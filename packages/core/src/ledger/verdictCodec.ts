/**
 * Canonical bytes of verdicts.
 *
 *   body    = lockId 32 | payee 32 | task                 signed under "CTZ-VERD\0", by seats of a quorum
 *   task    = taskId 32 | amount u64 | base u64 | epoch u32
 *   verdict = task | signatures: u8 ≤ 21, (seat u16 | signature 64)…, seats ascending
 *
 * Lock and payee are those of the claim that carries it.
 */
import {type ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AccountId, LockId} from "../primitives/id.ts";
import {readId, writeId, writeU32, writeU64} from "./canonical.ts";
import type {Verdict} from "./op.ts";
import {WITNESSES_MAX} from "./params.ts";
import {readWitnessSignatures, writeWitnessSignatures} from "./witnessSignatures.ts";

/** What a verdict is about besides: the lock of the claim and its controller. */
export type VerdictSubject = {readonly lockId: LockId; readonly payee: AccountId};

export type VerdictBody = Omit<Verdict, "signatures"> & VerdictSubject;

export function writeVerdict(writer: ByteWriter, verdict: Verdict): void {
  writeJudged(writer, verdict);
  writeWitnessSignatures(writer, verdict.signatures);
}

export function readVerdict(reader: ByteReader): Verdict {
  return {
    taskId: readId(reader),
    amount: reader.u64(),
    base: reader.u64(),
    epoch: reader.u32(),
    signatures: readWitnessSignatures(reader, WITNESSES_MAX),
  };
}

/** What its signatures cover, without domain and genesis hash. */
export function encodeVerdictBody(judged: VerdictBody): Uint8Array {
  const writer = new ByteWriter();
  writeId(writer, judged.lockId);
  writeId(writer, judged.payee);
  writeJudged(writer, judged);
  return writer.finish();
}

function writeJudged(writer: ByteWriter, {taskId, amount, base, epoch}: Omit<Verdict, "signatures">): void {
  writeId(writer, taskId);
  writeU64(writer, amount);
  writeU64(writer, base);
  writeU32(writer, epoch);
}
