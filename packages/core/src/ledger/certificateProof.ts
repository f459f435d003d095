/**
 * A certificate that travels alone: headers of a quorum, with the place of the op in what they carry or
 * acknowledge. Inside the ledger certificates are derived from the entries (`certificates.ts`); this form is
 * for who has not got them: light clients, and a checkpoint that hears of a certificate after its epoch.
 */
import type {SignatureVerifier} from "../ports/signer.ts";
import {voteEpochOf} from "./checkpoint.ts";
import type {EntryHeader} from "./entry.ts";
import {
  decodeEntryHeader,
  type EntryRoots,
  encodeAck,
  entryHashOf,
  TAG_ACKS,
  TAG_CARRY,
  verifyEntry,
} from "./entryCodec.ts";
import type {Carrier, Certificate, CertificateVote} from "./evidenceCodec.ts";
import {isInTree} from "./merkle.ts";
import type {Op} from "./op.ts";
import {committeeAt, type Register} from "./register.ts";

export type ProofCheck = {
  readonly register: Register;
  readonly verifier: SignatureVerifier;
  readonly genesisHash: Uint8Array;
  readonly network: number;
  readonly params: {readonly checkpointsPerEpoch: number};
};

export type ProvenOp = {
  readonly op: Op;
  /** Of the votes. */
  readonly epoch: number;
};

/** The op that the certificate is for, or `undefined` when it does not hold. Costs a signature a vote. */
export function checkCertificate(certificate: Certificate, check: ProofCheck): ProvenOp | undefined {
  const [op] = certificate.ops;
  if (op === undefined || !certificate.ops.every(({id}) => id === op.id)) return undefined;
  const carriers = certificate.carriers.map((carrier) => carriedIn(carrier, certificate.ops));
  const voters = new Set<number>();
  const epochs = new Set<number>();
  for (const vote of certificate.votes) {
    const carrier = carriers[vote.carrier];
    const header = carrier === undefined ? undefined : voterOf(vote, carrier, check);
    if (header === undefined) return undefined;
    voters.add(header.witness);
    epochs.add(voteEpochOf(header, check.params));
  }
  const [epoch] = epochs;
  if (epoch === undefined || epochs.size !== 1) return undefined;
  const committee = committeeAt(check.register, epoch);
  const mask = [...voters].reduce((all, seat) => all | (committee?.bitOf(seat) ?? 0), 0);
  return committee?.isQuorum(mask) === true ? {op, epoch} : undefined;
}

type CarriedIn = Carrier & {readonly header: EntryHeader};

function carriedIn(carrier: Carrier, ops: readonly Op[]): CarriedIn | undefined {
  const op = ops[carrier.op];
  const read = headerOf(carrier.headerBytes);
  const isThere =
    op !== undefined && read !== undefined && isInTree(TAG_CARRY, op.bytes, carrier.path, read.roots.carry);
  return isThere ? {...carrier, header: read.header} : undefined;
}

/** Who voted, with the signature checked; `undefined` when that is no vote. */
function voterOf(
  {ack, signature}: CertificateVote,
  carrier: CarriedIn,
  {register, verifier, genesisHash, network, params}: ProofCheck,
): EntryHeader | undefined {
  const headerBytes = ack?.headerBytes ?? carrier.headerBytes;
  const read = headerOf(headerBytes);
  const voteKey = read && register.seats[read.header.witness]?.voteKey;
  if (read === undefined || voteKey === undefined || read.header.network !== network) return undefined;
  if (ack !== undefined) {
    const isVote =
      ack.ack.hash === entryHashOf(carrier.headerBytes) &&
      !ack.ack.exceptions.includes(carrier.path.index) &&
      carrier.header.witness !== read.header.witness &&
      voteEpochOf(carrier.header, params) === voteEpochOf(read.header, params) &&
      isInTree(TAG_ACKS, encodeAck(ack.ack), ack.path, read.roots.acks);
    if (!isVote) return undefined;
  }
  const {valid} = verifyEntry(verifier, {headerBytes, signature}, {genesisHash, voteKey});
  return valid ? read.header : undefined;
}

function headerOf(bytes: Uint8Array): {header: EntryHeader; roots: EntryRoots} | undefined {
  try {
    return decodeEntryHeader(bytes);
  } catch {
    return undefined;
  }
}
