/**
 * How one committee hands over to the next, for who has only the genesis (reference/ledger 8.5): the
 * checkpoint that ended an epoch, final by the old committee, and the register that it names.
 *
 *   handover = u32 length | final checkpoint | u32 length | register
 */
import {LIMITS} from "@catalyze/proto/limits";
import {assert} from "../errors/assert.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import {ByteReader, type ByteWriter} from "../primitives/binary.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {Committee} from "./committee.ts";
import {decodeFinalCheckpoint, encodeFinalCheckpoint, type FinalCheckpoint, isProven} from "./finality.ts";
import {type Genesis, genesisHash, networkIdOf} from "./genesis.ts";
import {committeeNow, genesisRegister, type Register} from "./register.ts";
import {decodeRegister, encodeRegister, REGISTER_BYTES_MAX, registerHash} from "./registerCodec.ts";

/** In a proof or a snapshot. */
export const HANDOVERS_MAX = 1_024;

export type Handover = {readonly final: FinalCheckpoint; readonly register: Register};

/** True for the register that makes another committee from the epoch after this one on. */
export function isHandover({terms}: Register, {checkpoint}: Pick<FinalCheckpoint, "checkpoint">): boolean {
  return checkpoint.isLastOfEpoch && terms.at(-1)?.sinceEpoch === checkpoint.epoch + 1;
}

export function writeHandover(writer: ByteWriter, {final, register}: Handover): void {
  writer.bytes(encodeFinalCheckpoint(final)).bytes(encodeRegister(register));
}

/** Throws `DECODE_INVALID`. */
export function readHandover(reader: ByteReader): Handover {
  const final = decodeFinalCheckpoint(reader.bytes(LIMITS.marketFrameBytesMax));
  return {final, register: decodeRegister(reader.bytes(REGISTER_BYTES_MAX))};
}

/** One that stands alone. Throws `DECODE_INVALID`. */
export function decodeHandover(bytes: Uint8Array): Handover {
  const reader = new ByteReader(bytes);
  const handover = readHandover(reader);
  reader.finish();
  return handover;
}

/**
 * The committee after these handovers, oldest first, from the genesis on; `undefined` when one does not hold.
 * Some may be left out between: what a quorum of any committee has signed as final is final.
 * What it cannot tell is whether another handover followed: a reader that was away for longer than stake takes
 * to cool trusts the old members not to sign twice.
 */
export function followHandovers(
  genesis: Genesis,
  handovers: readonly Handover[],
  verifier: SignatureVerifier,
): {readonly committee: Committee; readonly sinceEpoch: number} | undefined {
  const hash = genesisHash(genesis);
  let committee = committeeNow(genesisRegister(genesis));
  let sinceEpoch = 1;
  for (const {final, register} of handovers) {
    const {checkpoint} = final;
    const isNext = checkpoint.epoch >= sinceEpoch && checkpoint.isLastOfEpoch;
    const isNamed = registerHash(register) === checkpoint.nextCommitteeHash;
    const isOurs = checkpoint.network === networkIdOf(hash);
    if (!isNext || !isNamed || !isOurs) return undefined;
    if (!isProven(final, {committee, verifier, genesisHash: fromHex(hash)})) return undefined;
    committee = committeeNow(register);
    sinceEpoch = checkpoint.epoch + 1;
  }
  return {committee, sinceEpoch};
}

/** `evmAddress`: 40 lower-case hex digits. Two may name the same. */
export type AnchorMember = {
  readonly seat: number;
  readonly evmAddress: string;
  readonly weight: number;
};

type Service = {readonly sinceEpoch: number; readonly register: Register};

/** Who witnessed in which epoch, since the genesis: for what is signed in one epoch and looked at much later. */
export class Committees {
  readonly #terms: Service[];

  /** `handovers`: oldest first, of a store that was checked. */
  constructor(genesis: Genesis, handovers: readonly Handover[]) {
    this.#terms = [{sinceEpoch: 1, register: genesisRegister(genesis)}];
    for (const handover of handovers) this.add(handover);
  }

  add({final, register}: Handover): void {
    this.#terms.push({sinceEpoch: final.checkpoint.epoch + 1, register});
  }

  at(epoch: number): Committee {
    return committeeNow(this.#registerAt(epoch));
  }

  /** Who signs the anchor of an epoch, by seat. */
  anchorSigners(epoch: number): readonly AnchorMember[] {
    const register = this.#registerAt(epoch);
    return committeeNow(register).members.map(({seat, weight}) => {
      const evmAddress = register.seats[seat]?.evmAddress;
      assert(evmAddress !== undefined, "a member has a seat");
      return {seat, evmAddress, weight};
    });
  }

  #registerAt(epoch: number): Register {
    const term = this.#terms.findLast(({sinceEpoch}) => sinceEpoch <= epoch) ?? this.#terms[0];
    assert(term !== undefined, "the genesis has a committee");
    return term.register;
  }
}

/**
 * As few of the handovers as lead to a checkpoint: where a quorum of the committee so far has signed a later
 * one too, those between are left out. Weights change often, members seldom, so mostly none is left.
 */
export function shortenChain(
  genesis: Genesis,
  handovers: readonly Handover[],
  last: FinalCheckpoint,
): {readonly handovers: readonly Handover[]; readonly final: FinalCheckpoint} {
  const {epoch} = last.checkpoint;
  const before = handovers.filter(({final}) => final.checkpoint.epoch < epoch);
  const kept: Handover[] = [];
  let committee = committeeNow(genesisRegister(genesis));
  for (let from = 0; ; ) {
    const final = signedBy(committee, last);
    if (final !== undefined) return {handovers: kept, final};
    const next = before.findLastIndex((handover, at) => at >= from && signedBy(committee, handover.final));
    const handover = before[next];
    const signed = handover && signedBy(committee, handover.final);
    assert(handover !== undefined && signed !== undefined, "a handover is missing");
    kept.push({final: signed, register: handover.register});
    committee = committeeNow(handover.register);
    from = next + 1;
  }
}

/** With the signatures of members only; `undefined` when they are no quorum. */
function signedBy(committee: Committee, final: FinalCheckpoint): FinalCheckpoint | undefined {
  const signatures = final.signatures.filter(({witness}) => committee.has(witness));
  const mask = signatures.reduce((all, {witness}) => all | committee.bitOf(witness), 0);
  return committee.isQuorum(mask) ? {...final, signatures} : undefined;
}
