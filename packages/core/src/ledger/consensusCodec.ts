/**
 * Messages of checkpoint agreement.
 *
 *   vote     = kind u8 (1 notarize, 2 skip, 3 finalize) | height u64 | iteration u32 | hash 32 (zeros for a skip)
 *            | witness u16 | signature 64
 *   proposal = iteration u32 | parent u32 | u32 length | checkpoint | witness u16 | signature 64
 *   message  = version u8 | proposals: u8 ≤ 8, … | votes: u16 ≤ 1024, …
 *
 * A certificate travels as the votes that make it, so there is nothing else to decode or to trust. Signatures
 * cover "CTZ-CONS\0" ‖ genesis hash ‖ kind u8 | height | iteration | parent (zero in votes) | hash.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {LIMITS} from "@catalyze/proto/limits";
import {signDomain, verifyDomain} from "../crypto/signed.ts";
import type {SignatureVerifier, Signer} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {Hash} from "../primitives/id.ts";
import {readId, refuse, writeFixed, writeId, writeU8, writeU16, writeU32, writeU64} from "./canonical.ts";
import {ZERO_HASH} from "./cell.ts";
import {type Checkpoint, checkpointHash, decodeCheckpoint, encodeCheckpoint} from "./checkpoint.ts";
import type {Committee} from "./committee.ts";

export const VOTE_KIND = {notarize: 1, skip: 2, finalize: 3} as const;
export type VoteKind = keyof typeof VOTE_KIND;
const PROPOSAL_KIND = 4;
const VERSION = 1;
export const PROPOSALS_MAX = 8;
export const VOTES_MAX = 1_024;
/** Heights and iterations beyond it are nonsense; keeps arithmetic in safe integers. */
const ITERATION_MAX = 1_000_000;

export type ConsensusVote = {
  readonly kind: VoteKind;
  readonly height: bigint;
  /** 1 for the first try at a height. */
  readonly iteration: number;
  /** Of the checkpoint; zeros for a skip. */
  readonly hash: Hash;
  readonly witness: number;
  readonly signature: Uint8Array;
};

export type Proposal = {
  readonly iteration: number;
  /** The notarized iteration whose checkpoint is proposed again; 0 for a fresh one. */
  readonly parent: number;
  readonly checkpoint: Checkpoint;
  readonly hash: Hash;
  readonly witness: number;
  readonly signature: Uint8Array;
};

export type ConsensusMessage = {
  readonly proposals: readonly Proposal[];
  readonly votes: readonly ConsensusVote[];
};

type KeyContext = {
  readonly committee: Pick<Committee, "voteKeyOf">;
  readonly verifier: SignatureVerifier;
  readonly genesisHash: Uint8Array;
};

export function signVote(
  vote: Omit<ConsensusVote, "signature">,
  signer: Signer,
  genesisHash: Uint8Array,
): ConsensusVote {
  const body = signedBody({...vote, tag: VOTE_KIND[vote.kind], parent: 0});
  return {...vote, signature: signDomain(signer, DOMAIN.consensus, genesisHash, body)};
}

export function verifyVote(context: KeyContext, vote: ConsensusVote): {valid: boolean; slow: boolean} {
  const body = signedBody({...vote, tag: VOTE_KIND[vote.kind], parent: 0});
  return verified(context, body, vote);
}

export function signProposal(
  proposal: Omit<Proposal, "signature" | "hash">,
  signer: Signer,
  genesisHash: Uint8Array,
): Proposal {
  const hash = checkpointHash(proposal.checkpoint);
  const body = proposalBody({...proposal, hash});
  return {...proposal, hash, signature: signDomain(signer, DOMAIN.consensus, genesisHash, body)};
}

export function verifyProposal(context: KeyContext, proposal: Proposal): {valid: boolean; slow: boolean} {
  return verified(context, proposalBody(proposal), proposal);
}

export function encodeConsensus({proposals, votes}: ConsensusMessage): Uint8Array {
  const writer = new ByteWriter().u8(VERSION);
  writeU8(writer, proposals.length);
  for (const proposal of proposals) writeProposal(writer, proposal);
  writeU16(writer, votes.length);
  for (const vote of votes) writeVote(writer, vote);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. Signatures are not checked here. */
export function decodeConsensus(bytes: Uint8Array): ConsensusMessage {
  if (bytes.length > LIMITS.gossipBytesMax) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const proposalCount = reader.count(reader.u8(), PROPOSALS_MAX);
  const proposals = Array.from({length: proposalCount}, () => readProposal(reader));
  const voteCount = reader.count(reader.u16(), VOTES_MAX);
  const votes = Array.from({length: voteCount}, () => readVote(reader));
  reader.finish();
  return {proposals, votes};
}

type Signed = {
  readonly tag: number;
  readonly height: bigint;
  readonly iteration: number;
  readonly parent: number;
  readonly hash: Hash;
};

function signedBody({tag, height, iteration, parent, hash}: Signed): Uint8Array {
  const writer = new ByteWriter().u8(tag);
  writeU64(writer, height);
  writeU32(writer, iteration);
  writeU32(writer, parent);
  writeId(writer, hash);
  return writer.finish();
}

function proposalBody({checkpoint, iteration, parent, hash}: Omit<Proposal, "signature">): Uint8Array {
  return signedBody({tag: PROPOSAL_KIND, height: checkpoint.height, iteration, parent, hash});
}

function verified(
  {committee, verifier, genesisHash}: KeyContext,
  body: Uint8Array,
  {witness, signature}: {readonly witness: number; readonly signature: Uint8Array},
): {valid: boolean; slow: boolean} {
  const publicKey = committee.voteKeyOf(witness);
  if (publicKey === undefined) return {valid: false, slow: false};
  return verifyDomain(verifier, {domain: DOMAIN.consensus, genesisHash, body, signature, publicKey});
}

function writeProposal(writer: ByteWriter, proposal: Proposal): void {
  writeU32(writer, proposal.iteration);
  writeU32(writer, proposal.parent);
  writer.bytes(encodeCheckpoint(proposal.checkpoint));
  writeU16(writer, proposal.witness);
  writeFixed(writer, proposal.signature, 64);
}

function readProposal(reader: ByteReader): Proposal {
  const iteration = readIteration(reader);
  const parent = reader.u32();
  if (parent >= iteration) refuse("parent");
  const checkpoint = decodeCheckpoint(reader.bytes(LIMITS.marketFrameBytesMax));
  const witness = reader.u16();
  const signature = reader.raw(64);
  return {iteration, parent, checkpoint, hash: checkpointHash(checkpoint), witness, signature};
}

function writeVote(writer: ByteWriter, vote: ConsensusVote): void {
  writer.u8(VOTE_KIND[vote.kind]);
  writeU64(writer, vote.height);
  writeU32(writer, vote.iteration);
  writeId(writer, vote.hash);
  writeU16(writer, vote.witness);
  writeFixed(writer, vote.signature, 64);
}

function readVote(reader: ByteReader): ConsensusVote {
  const kind = kindOf(reader.u8());
  const height = reader.u64();
  const iteration = readIteration(reader);
  const hash = readId<Hash>(reader);
  if ((kind === "skip") !== (hash === ZERO_HASH)) refuse("hash");
  return {kind, height, iteration, hash, witness: reader.u16(), signature: reader.raw(64)};
}

function kindOf(value: number): VoteKind {
  if (value === VOTE_KIND.notarize) return "notarize";
  if (value === VOTE_KIND.skip) return "skip";
  return value === VOTE_KIND.finalize ? "finalize" : refuse("voteKind");
}

function readIteration(reader: ByteReader): number {
  const iteration = reader.u32();
  return iteration >= 1 && iteration <= ITERATION_MAX ? iteration : refuse("iteration");
}
