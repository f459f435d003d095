/**
 * That an op is certified, for who has nothing but the genesis of the network: its certificate, and how the
 * committees changed up to the one that voted for it. Stands alone, like the proof of a cell.
 *
 *   version u8 | handovers: u16 ≤ 1024, handover… | u32 length | certificate (`evidenceCodec.ts`)
 */
import {CodedError} from "../errors/codedError.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {OpId} from "../primitives/id.ts";
import {refuse, writeU16} from "./canonical.ts";
import {checkCertificate, type ProvenOp, proveCertificate} from "./certificateProof.ts";
import {voteEpochOf} from "./checkpoint.ts";
import type {Dag} from "./dag.ts";
import {decodeEntryHeader} from "./entryCodec.ts";
import {type Certificate, decodeEvidence, encodeEvidence} from "./evidenceCodec.ts";
import {type Genesis, genesisHash, networkIdOf} from "./genesis.ts";
import {followHandovers, HANDOVERS_MAX, type Handover, readHandover, writeHandover} from "./handover.ts";
import type {Op} from "./op.ts";
import type {LedgerParams} from "./params.ts";
import {committeeAt, genesisRegister, type Register} from "./register.ts";

const VERSION = 1;
/** Ops and headers of one certificate: far below what its counts would allow. */
const CERTIFICATE_BYTES_MAX = 2 * 1024 * 1024;
const OP_PROOF_BYTES_MAX = 8 * 1024 * 1024;

export type OpProof = {
  /** Every change of committee from the genesis to the epoch of the votes. */
  readonly handovers: readonly Handover[];
  readonly certificate: Certificate;
};

export type Certified = {readonly certificate: Certificate; readonly epoch: number};

type CertifiedIn = {
  readonly dag: Dag;
  readonly register: Register;
  readonly params: Pick<LedgerParams, "checkpointsPerEpoch">;
};

/** From the entries at hand; `undefined` when too few of them are, or too few have voted. */
export function certificateIn(id: OpId, {dag, register, params}: CertifiedIn): Certified | undefined {
  const epochs = new Set<number>();
  let op: Op | undefined;
  for (const {entry} of dag.nodes()) {
    const carried = entry.carry.find((each) => each.id === id);
    if (carried === undefined) continue;
    op = carried;
    epochs.add(voteEpochOf(entry.header, params));
  }
  if (op === undefined) return undefined;
  for (const epoch of epochs) {
    const committee = committeeAt(register, epoch);
    const certificate = committee && proveCertificate(op, {dag, epoch}, {committee, params});
    if (certificate !== undefined) return {certificate, epoch};
  }
  return undefined;
}

export function encodeOpProof({handovers, certificate}: OpProof): Uint8Array {
  const writer = new ByteWriter().u8(VERSION);
  writeU16(writer, handovers.length);
  for (const handover of handovers) writeHandover(writer, handover);
  return writer.bytes(encodeEvidence({kind: "certificate", certificate})).finish();
}

/** Throws `DECODE_INVALID`. Nothing is proven by that alone: see `checkOpProof`. */
export function decodeOpProof(bytes: Uint8Array): OpProof {
  if (bytes.length > OP_PROOF_BYTES_MAX) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const count = reader.count(reader.u16(), HANDOVERS_MAX);
  const handovers = Array.from({length: count}, () => readHandover(reader));
  const evidence = decodeEvidence(reader.bytes(CERTIFICATE_BYTES_MAX));
  reader.finish();
  if (evidence.kind !== "certificate") return refuse("certificate");
  return {handovers, certificate: evidence.certificate};
}

/** The op, and the epoch of its votes. Throws `PROOF_INVALID`. */
export function checkOpProof(
  {handovers, certificate}: OpProof,
  {genesis, verifier}: {readonly genesis: Genesis; readonly verifier: SignatureVerifier},
): ProvenOp & {readonly votes: number; readonly committeeSize: number} {
  const hash = genesisHash(genesis);
  const followed = followHandovers(genesis, handovers, verifier);
  const register = handovers.at(-1)?.register ?? genesisRegister(genesis);
  const proven = checkCertificate(certificate, {
    ...{register, verifier, params: genesis.params},
    ...{genesisHash: fromHex(hash), network: networkIdOf(hash)},
  });
  // A register remembers earlier committees, too: only the one that the handovers lead to is proven.
  if (followed === undefined || proven === undefined || proven.epoch < followed.sinceEpoch)
    throw new CodedError("PROOF_INVALID", {
      message: "The proof does not hold: no quorum of the committee of its epoch has voted for the op.",
    });
  return {...proven, votes: votersOf(certificate).size, committeeSize: followed.committee.size};
}

/** Of one that was checked: who votes twice counts once. */
function votersOf({votes, carriers}: Certificate): ReadonlySet<number> {
  const headers = votes.map(({ack, carrier}) => ack?.headerBytes ?? carriers[carrier]?.headerBytes);
  return new Set(
    headers.flatMap((bytes) => (bytes === undefined ? [] : [decodeEntryHeader(bytes).header.witness])),
  );
}
