/**
 * A checkpoint with the proof that it is final: `finalize` signatures of a quorum over one iteration and
 * the checkpoint's hash. Portable: who knows the committee needs nothing else to check it.
 *
 *   u32 length | checkpoint | iteration u32 | signatures: u8 ≤ 64, (witness u16 | 64)…, witnesses ascending
 */
import {LIMITS} from "@catalyze/proto/limits";
import type {SignatureVerifier} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {Hash} from "../primitives/id.ts";
import {refuse, writeU32} from "./canonical.ts";
import {
  type Checkpoint,
  checkpointHash,
  decodeCheckpoint,
  encodeCheckpoint,
  HEADS_MAX,
} from "./checkpoint.ts";
import type {Committee} from "./committee.ts";
import {verifyVote} from "./consensusCodec.ts";
import {readWitnessSignatures, type WitnessSignature, writeWitnessSignatures} from "./witnessSignatures.ts";

export type FinalCheckpoint = {
  readonly checkpoint: Checkpoint;
  readonly hash: Hash;
  /** 0, with no signatures, for the genesis checkpoint only. */
  readonly iteration: number;
  readonly signatures: readonly WitnessSignature[];
};

export function encodeFinalCheckpoint({checkpoint, iteration, signatures}: FinalCheckpoint): Uint8Array {
  const writer = new ByteWriter().bytes(encodeCheckpoint(checkpoint));
  writeU32(writer, iteration);
  writeWitnessSignatures(writer, signatures);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. The signatures are not checked here. */
export function decodeFinalCheckpoint(bytes: Uint8Array): FinalCheckpoint {
  if (bytes.length > LIMITS.marketFrameBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  const checkpoint = decodeCheckpoint(reader.bytes(LIMITS.marketFrameBytesMax));
  const iteration = reader.u32();
  const signatures = readWitnessSignatures(reader, HEADS_MAX);
  reader.finish();
  return {checkpoint, hash: checkpointHash(checkpoint), iteration, signatures};
}

export type ProofContext = {
  readonly committee: Committee;
  readonly verifier: SignatureVerifier;
  readonly genesisHash: Uint8Array;
};

/** True when a quorum of the committee finalized exactly this checkpoint. */
export function isProven(
  {checkpoint, hash, iteration, signatures}: FinalCheckpoint,
  context: ProofContext,
): boolean {
  const {committee} = context;
  let mask = 0;
  for (const {witness} of signatures) mask |= committee.bitOf(witness);
  if (!committee.isQuorum(mask)) return false;
  return signatures.every(
    ({witness, signature}) =>
      verifyVote(context, {kind: "finalize", height: checkpoint.height, iteration, hash, witness, signature})
        .valid,
  );
}
