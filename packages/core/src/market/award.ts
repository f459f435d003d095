/**
 * The end of an auction: every bid's hash and the winner's, signed and gossiped, so that a bidder who was
 * left out can prove it. A bid's hash says nothing about its price: it covers the bidder's signature.
 */
import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import {AwardSchema, type Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {hashHex} from "../crypto/sha256.ts";
import type {Signer} from "../ports/signer.ts";
import {fromHex, utf8} from "../primitives/bytes.ts";
import type {AccountId, Hash} from "../primitives/id.ts";
import type {UnixMs} from "../primitives/time.ts";
import type {Verified} from "../primitives/verified.ts";
import {
  type Opened,
  openSigned,
  readVerified,
  type SignContext,
  sealSigned,
  type VerifyContext,
} from "./envelope.ts";
import {badField, decodeBody, readHash, readHex, readTime} from "./fields.ts";

/** Bids counted in one auction; later ones are refused. */
export const BIDS_MAX = 1_024;

export type AwardTerms = {
  readonly offerId: string;
  /** Ascending, each once. */
  readonly bidHashes: readonly Hash[];
  readonly winnerHash: Hash;
  readonly issuedAtMs: UnixMs;
};

export type Award = AwardTerms & {readonly account: AccountId};

/** Names a sealed bid: offer and the quote's signed bytes. */
export function bidHashOf(offerId: string, quote: Pick<Signed, "body" | "publicKey" | "signature">): Hash {
  return hashHex(utf8("CTZ-BID\0"), fromHex(offerId), quote.publicKey, quote.signature, quote.body);
}

export function signAward(terms: AwardTerms, signer: Signer, context: SignContext): Signed {
  const message = create(AwardSchema, {
    offerId: fromHex(terms.offerId),
    bidHashes: [...new Set(terms.bidHashes)].sort().map((hash) => fromHex(hash)),
    winnerHash: fromHex(terms.winnerHash),
    issuedAtMs: BigInt(terms.issuedAtMs),
  });
  return sealSigned(DOMAIN.award, toBinary(AwardSchema, message), signer, context);
}

/** Throws `FRAME_TOO_LARGE`, `DECODE_INVALID` or `SIGNATURE_INVALID`. */
export function openAward(input: Uint8Array | Signed, context: VerifyContext): Verified<Award> {
  return readVerified(openSigned(DOMAIN.award, input, context), readAward);
}

export type BidFate = "won" | "lost" | "omitted" | "notOurs";

/** What an award says to one bidder. `omitted` with the requester's receipt of the bid is proof of foul play. */
export function fateOfBid(
  award: Award,
  bid: {readonly offerId: string; readonly hash: Hash; readonly requester: AccountId},
): BidFate {
  if (award.offerId !== bid.offerId || award.account !== bid.requester) return "notOurs";
  if (award.winnerHash === bid.hash) return "won";
  return award.bidHashes.includes(bid.hash) ? "lost" : "omitted";
}

function readAward(opened: Opened): Award {
  const wire = decodeBody(AwardSchema, opened.body);
  if (wire.bidHashes.length === 0 || wire.bidHashes.length > BIDS_MAX) badField("bidHashes");
  const bidHashes = wire.bidHashes.map((hash) => readHash(hash, "bidHashes"));
  if (bidHashes.some((hash, index) => index > 0 && hash <= (bidHashes[index - 1] ?? "")))
    badField("bidHashes");
  const winnerHash = readHash(wire.winnerHash, "winnerHash");
  if (!bidHashes.includes(winnerHash)) badField("winnerHash");
  return {
    offerId: readHex(wire.offerId, 16, "offerId"),
    bidHashes,
    winnerHash,
    issuedAtMs: readTime(wire.issuedAtMs, "issuedAtMs"),
    account: opened.account,
  };
}
