/**
 * What witnesses tell each other about an anchor: all of its fields, who signs, and the signature. With the
 * fields a witness that missed the epoch can still collect a quorum and post. Fixed width:
 *
 *   version u8 | epoch u32 | height u64 | depositCursor u64 | previousHash 32 | checkpointHash 32 | stateRoot 32
 *   | withdrawalRoot 32 | liabilities u128 | minted u128 | burned u128 | withdrawn u128 | nextCommitteeHash 32
 *   | member u16 | r 32 | vs 32 (EIP-2098)
 */
import {type AnchorTarget, anchorDigest} from "@catalyze/contracts/anchorDigest";
import type {Member} from "@catalyze/contracts/committeeHash";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Anchor} from "@catalyze/core/ledger/anchorRules";
import {ByteReader, ByteWriter} from "@catalyze/core/primitives/binary";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";
import {
  compactSignatureToSignature,
  parseSignature,
  recoverAddress,
  serializeSignature,
  signatureToCompactSignature,
} from "viem";
import type {PrivateKeyAccount} from "viem/accounts";

const VERSION = 1;
export const ANCHOR_SIGNATURE_BYTES = 1 + 4 + 8 + 8 + 5 * 32 + 4 * 16 + 2 + 64;

export type AnchorSignature = {
  readonly anchor: Anchor;
  /** Index in the committee of the genesis. */
  readonly member: number;
  /** r ‖ vs, 64 bytes. */
  readonly signature: Uint8Array;
};

export function encodeAnchorSignature({anchor, member, signature}: AnchorSignature): Uint8Array {
  const writer = new ByteWriter().u8(VERSION).u32(anchor.epoch).u64(anchor.height).u64(anchor.depositCursor);
  for (const field of HASHES) writer.raw(fromHex(anchor[field]));
  for (const field of FIGURES) writer.u128(anchor[field]);
  return writer.raw(fromHex(anchor.nextCommitteeHash)).u16(member).raw(signature).finish();
}

/** Throws `FRAME_TOO_LARGE` or `DECODE_INVALID`. Says nothing about the signature. */
export function decodeAnchorSignature(bytes: Uint8Array): AnchorSignature {
  if (bytes.length > ANCHOR_SIGNATURE_BYTES) throw new CodedError("FRAME_TOO_LARGE");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CodedError("DECODE_INVALID", {evidence: {reason: "version"}});
  const head = {epoch: reader.u32(), height: reader.u64(), depositCursor: reader.u64()};
  const hash = () => reader.hex(32) as Hash;
  const anchor: Anchor = {
    ...head,
    previousHash: hash(),
    checkpointHash: hash(),
    stateRoot: hash(),
    withdrawalRoot: hash(),
    liabilities: reader.u128(),
    minted: reader.u128(),
    burned: reader.u128(),
    withdrawn: reader.u128(),
    nextCommitteeHash: hash(),
  };
  const result = {anchor, member: reader.u16(), signature: reader.raw(64)};
  reader.finish();
  return result;
}

/** Signs with the EVM key. RFC 6979: the same anchor always gets the same signature. */
export async function signAnchor(
  account: PrivateKeyAccount,
  anchor: Anchor,
  target: AnchorTarget,
): Promise<Uint8Array> {
  const hex = await account.sign({hash: anchorDigest(anchor, target)});
  const {r, yParityAndS} = signatureToCompactSignature(parseSignature(hex));
  return fromHex(r.slice(2) + yParityAndS.slice(2));
}

/** True when the member of this committee signed this anchor for this contract. */
export async function verifyAnchorSignature(
  {anchor, member, signature}: AnchorSignature,
  members: readonly Member[],
  target: AnchorTarget,
): Promise<boolean> {
  const signer = members[member]?.signer;
  if (signer === undefined) return false;
  const {r, vs} = compactParts(signature);
  try {
    const full = serializeSignature(compactSignatureToSignature({r, yParityAndS: vs}));
    const found = await recoverAddress({hash: anchorDigest(anchor, target), signature: full});
    return found.toLowerCase() === signer.toLowerCase();
  } catch {
    // Numbers outside the curve's range: no signature of anybody.
    return false;
  }
}

/** As the contract takes them. */
export function compactParts(signature: Uint8Array): {readonly r: `0x${string}`; readonly vs: `0x${string}`} {
  return {r: `0x${toHex(signature.subarray(0, 32))}`, vs: `0x${toHex(signature.subarray(32))}`};
}

const HASHES = ["previousHash", "checkpointHash", "stateRoot", "withdrawalRoot"] as const;
const FIGURES = ["liabilities", "minted", "burned", "withdrawn"] as const;
