/**
 * That an op counts, for who has nothing but the genesis of the network. Stands alone, like the proof of a cell,
 * which is a part of it: a quorum's votes for an op say nothing of what it follows (decision 35). Where the cell has
 * passed the op's slot at that checkpoint, either of these shows that it did so with the op:
 *
 *  - the ops from this one up to the cell's head, or
 *  - the op's certificate of the checkpoint's own epoch: in an epoch no other op can take a slot that has one.
 *
 * Where it has not, certificates of every op from the cell's head up to this one do.
 *
 *   version u8 | u32 length | proof of the cell (`balanceProof.ts`)
 *   | hasRegister u8 | when 1: u32 length, register that begins with the epoch after the checkpoint
 *   | ops from this one up to the head: u16 ≤ 1024, (u32 length | op)…
 *   | certificates: u16 ≤ 64, (u32 length | certificate of `evidenceCodec.ts`)…
 */
import {CodedError} from "../errors/codedError.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {OpId} from "../primitives/id.ts";
import {type BalanceProof, checkCell, decodeBalanceProof, encodeBalanceProof} from "./balanceProof.ts";
import {readBoolean, refuse, writeU16} from "./canonical.ts";
import type {CellName} from "./cell.ts";
import {checkCertificate} from "./certificateProof.ts";
import {type Checkpoint, voteEpochOf} from "./checkpoint.ts";
import {decodeEntryHeader} from "./entryCodec.ts";
import {type Certificate, decodeEvidence, encodeEvidence} from "./evidenceCodec.ts";
import {type Genesis, genesisHash, networkIdOf} from "./genesis.ts";
import {followHandovers} from "./handover.ts";
import type {Op} from "./op.ts";
import {decodeOp, NO_OP} from "./opCodec.ts";
import {genesisRegister, type Register} from "./register.ts";
import {decodeRegister, encodeRegister, REGISTER_BYTES_MAX} from "./registerCodec.ts";

const VERSION = 2;
export const FOLLOWING_MAX = 1_024;
export const CERTIFICATES_MAX = 64;
/** Ops and headers of one certificate: far below what its counts would allow. */
const CERTIFICATE_BYTES_MAX = 2 * 1024 * 1024;
const OP_PROOF_BYTES_MAX = 8 * 1024 * 1024;

/** What shows it beside the cell: one of the two. */
export type OpLine = {
  /** From the op up to its cell's head. */
  readonly following: readonly Op[];
  /** Of the op, last; before it those of what it follows beyond the cell's head. */
  readonly certificates: readonly Certificate[];
};

export type OpProof = OpLine & {
  readonly cell: BalanceProof;
  /** When votes of the epoch after the checkpoint count, and that changed the committee. */
  readonly register: Register | undefined;
};

export type CheckedOp = {
  readonly op: Op;
  /** Applied at the checkpoint, or certified above it. */
  readonly grade: "checkpointed" | "certified";
  readonly checkpoint: Checkpoint;
  /** In which `votes` of `committeeSize` members signed: the op, or the checkpoint. */
  readonly epoch: number;
  readonly votes: number;
  readonly committeeSize: number;
};

type Given = {readonly genesis: Genesis; readonly verifier: SignatureVerifier};

export function cellOf({body}: Op): CellName<"account" | "lock"> {
  return {kind: body.payload.kind === "claim" ? "lock" : "account", id: body.cell};
}

export function encodeOpProof({cell, register, following, certificates}: OpProof): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).bytes(encodeBalanceProof(cell));
  writer.u8(register === undefined ? 0 : 1);
  if (register !== undefined) writer.bytes(encodeRegister(register));
  writeU16(writer, following.length);
  for (const {bytes} of following) writer.bytes(bytes);
  writeU16(writer, certificates.length);
  for (const certificate of certificates) writer.bytes(encodeEvidence({kind: "certificate", certificate}));
  return writer.finish();
}

/** Throws `DECODE_INVALID`. Nothing is proven by that alone: see `checkOpProof`. */
export function decodeOpProof(bytes: Uint8Array): OpProof {
  if (bytes.length > OP_PROOF_BYTES_MAX) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const cell = decodeBalanceProof(reader.bytes(OP_PROOF_BYTES_MAX));
  const register = readBoolean(reader) ? decodeRegister(reader.bytes(REGISTER_BYTES_MAX)) : undefined;
  const opCount = reader.count(reader.u16(), FOLLOWING_MAX);
  const following = Array.from({length: opCount}, () => decodeOp(reader.bytes(OP_PROOF_BYTES_MAX)));
  const count = reader.count(reader.u16(), CERTIFICATES_MAX);
  const certificates = Array.from({length: count}, () => readCertificate(reader));
  reader.finish();
  return {cell, register, following, certificates};
}

function readCertificate(reader: ByteReader): Certificate {
  const evidence = decodeEvidence(reader.bytes(CERTIFICATE_BYTES_MAX));
  return evidence.kind === "certificate" ? evidence.certificate : refuse("certificate");
}

/** The op, and how it counts. Throws `PROOF_INVALID`. */
export function checkOpProof(proof: OpProof, given: Given): CheckedOp {
  const {cell: shown, following, certificates} = proof;
  const op = following[0] ?? certificates.at(-1)?.ops[0];
  if (op === undefined || (following.length > 0 && certificates.length > 0)) return wrong("nothing");
  const {cell, checkpoint, witnesses, committeeSize} = checkCell(cellOf(op), shown, given);
  const end = {seq: cell?.seq ?? 0n, head: cell?.head ?? NO_OP};
  if (following.length === 0) return {op, checkpoint, ...votesFor(op, end, {proof, checkpoint, given})};
  if (following.at(-1)?.id !== end.head || !isLine(following)) wrong("line");
  const signed = {epoch: checkpoint.epoch, votes: witnesses.length, committeeSize};
  return {op, grade: "checkpointed", checkpoint, ...signed};
}

type Voted = {readonly proof: OpProof; readonly checkpoint: Checkpoint; readonly given: Given};

function votesFor(
  op: Op,
  end: {readonly seq: bigint; readonly head: OpId},
  {proof, checkpoint, given}: Voted,
): Omit<CheckedOp, "op" | "checkpoint"> {
  const isPassed = op.body.seq <= end.seq;
  const epoch = isPassed ? checkpoint.epoch : voteEpochOf({stampH: checkpoint.height}, given.genesis.params);
  const {ops, size} = certifiedIn(proof, epoch, given);
  const isFromEnd = ops[0]?.body.prev === end.head && ops[0].body.seq === end.seq + 1n;
  if (isPassed ? ops.length > 1 : !isFromEnd || !isLine(ops)) wrong("line");
  const votes = votersOf(proof.certificates.at(-1)).size;
  return {grade: isPassed ? "checkpointed" : "certified", epoch, votes, committeeSize: size};
}

/** Each op follows on the one before it, in one log. */
function isLine(ops: readonly Op[]): boolean {
  return ops.every(({body}, index) => {
    const before = ops[index - 1];
    if (before === undefined) return true;
    const {cell, seq} = before.body;
    return body.prev === before.id && body.cell === cell && body.seq === seq + 1n;
  });
}

/** What the certificates are for, when each is of this epoch's committee. */
function certifiedIn(
  {cell: {handovers, final}, register: next, certificates}: OpProof,
  epoch: number,
  {genesis, verifier}: Given,
): {readonly ops: readonly Op[]; readonly size: number} {
  const all = next === undefined ? handovers : [...handovers, {final, register: next}];
  const followed = followHandovers(genesis, all, verifier);
  const register = all.at(-1)?.register ?? genesisRegister(genesis);
  const hash = genesisHash(genesis);
  const check = {
    ...{register, verifier, params: genesis.params},
    ...{genesisHash: fromHex(hash), network: networkIdOf(hash)},
  };
  // A register remembers earlier committees, too: only the one that the handovers lead to is proven.
  if (followed === undefined || epoch < followed.sinceEpoch) return wrong("votes");
  const ops = certificates.map((certificate) => {
    const proven = checkCertificate(certificate, check);
    return proven?.epoch === epoch ? proven.op : wrong("votes");
  });
  return {ops, size: followed.committee.size};
}

/** Of one that was checked: who votes twice counts once. */
function votersOf(certificate: Certificate | undefined): ReadonlySet<number> {
  const {votes = [], carriers = []} = certificate ?? {};
  const headers = votes.map(({ack, carrier}) => ack?.headerBytes ?? carriers[carrier]?.headerBytes);
  return new Set(
    headers.flatMap((bytes) => (bytes === undefined ? [] : [decodeEntryHeader(bytes).header.witness])),
  );
}

function wrong(step: keyof typeof WORDS): never {
  throw new CodedError("PROOF_INVALID", {
    message: `The proof does not hold: ${WORDS[step]}.`,
    evidence: {step},
  });
}

const WORDS = {
  nothing: "it shows no op",
  line: "its ops do not lead from the cell at its checkpoint to the op, or back",
  votes: "no quorum of the committee of its epoch has voted for each of its ops",
} as const;
