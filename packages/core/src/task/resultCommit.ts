/**
 * The provider's word on a finished run: hash of the canonical output and the meter, signed before it
 * learns the audit coin. From here on the result is owed, if it verifies.
 */
import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import type {Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {ResultCommitSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {hashHex} from "../crypto/sha256.ts";
import {CodedError} from "../errors/codedError.ts";
import {
  type Opened,
  openSigned,
  readVerified,
  type SignContext,
  sealSigned,
  type VerifyContext,
} from "../market/envelope.ts";
import {
  badField,
  DURATION_MS_MAX,
  decodeBody,
  readAmount,
  readDeterminism,
  readHash,
  readHex,
  readNumber,
  readTaskHash,
  UNITS_MAX,
} from "../market/fields.ts";
import {chargeAt} from "../market/price.ts";
import type {Quote} from "../market/quote.ts";
import type {Signer} from "../ports/signer.ts";
import {U64_MAX} from "../primitives/amount.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {AccountId, AttemptId, Hash, LockId, TaskHash} from "../primitives/id.ts";
import type {Verified} from "../primitives/verified.ts";

export const PROVIDER_NONCE_BYTES = 32;

export type CommitTerms = {
  readonly taskHash: TaskHash;
  readonly attemptId: AttemptId;
  readonly outputHash: Hash;
  /** The meter: part of the result, so a false one is a wrong result. */
  readonly units: bigint;
  readonly charge: bigint;
  readonly lockId: LockId;
  readonly determinism: string;
  /** The provider's half of the audit coin. */
  readonly providerNonce: Uint8Array;
  readonly executorMs: number;
};

export type ResultCommit = CommitTerms & {
  readonly provider: AccountId;
  /** sha256 of the signed body: how a receipt names it. */
  readonly commitHash: Hash;
  readonly signature: Uint8Array;
};

export function signCommit(terms: CommitTerms, signer: Signer, context: SignContext): Signed {
  const message = create(ResultCommitSchema, {
    taskHash: fromHex(terms.taskHash),
    attemptId: fromHex(terms.attemptId),
    outputHash: fromHex(terms.outputHash),
    units: terms.units,
    charge: terms.charge,
    lockId: fromHex(terms.lockId),
    determinism: terms.determinism,
    providerNonce: terms.providerNonce,
    executorMs: BigInt(terms.executorMs),
  });
  return sealSigned(DOMAIN.commit, toBinary(ResultCommitSchema, message), signer, context);
}

/** Throws `FRAME_TOO_LARGE`, `DECODE_INVALID` or `SIGNATURE_INVALID`. */
export function openCommit(signed: Uint8Array | Signed, context: VerifyContext): Verified<ResultCommit> {
  return readVerified(openSigned(DOMAIN.commit, signed, context), readCommit);
}

/** Is it the answer to this attempt, at the agreed price? Throws `RESULT_INVALID` or `METER_ABOVE_MAX`. */
export function checkCommit(
  commit: Verified<ResultCommit>,
  quote: Quote,
  {attemptId, lockId}: {readonly attemptId: AttemptId; readonly lockId: LockId},
): void {
  if (commit.provider !== quote.provider) resultInvalid("provider");
  if (commit.taskHash !== quote.taskHash) resultInvalid("taskHash");
  if (commit.attemptId !== attemptId) resultInvalid("attemptId");
  if (commit.lockId !== lockId) resultInvalid("lockId");
  if (commit.units > quote.unitsMax) {
    throw new CodedError("METER_ABOVE_MAX", {evidence: {units: commit.units, unitsMax: quote.unitsMax}});
  }
  if (commit.charge !== chargeAt(quote, commit.units)) resultInvalid("charge");
}

function readCommit({body, account, signature}: Opened): ResultCommit {
  const wire = decodeBody(ResultCommitSchema, body);
  return {
    taskHash: readTaskHash(wire.taskHash),
    attemptId: readHex(wire.attemptId, 16, "attemptId") as AttemptId,
    outputHash: readHash(wire.outputHash, "outputHash"),
    units: readAmount(wire.units, UNITS_MAX, "units"),
    charge: readAmount(wire.charge, U64_MAX, "charge"),
    lockId: readHex(wire.lockId, 32, "lockId") as LockId,
    determinism: readDeterminism(wire.determinism),
    providerNonce:
      wire.providerNonce.length === PROVIDER_NONCE_BYTES ? wire.providerNonce : badField("providerNonce"),
    executorMs: readNumber(wire.executorMs, DURATION_MS_MAX, "executorMs"),
    provider: account,
    commitHash: hashHex(body),
    signature,
  };
}

function resultInvalid(field: string): never {
  throw new CodedError("RESULT_INVALID", {evidence: {field}});
}
