/**
 * The result commit: the provider's signed hash of output and meter, sent before it learns the audit
 * coin. What the requester checks here needs nothing but what was agreed and what arrived.
 */
import {create, toBinary} from "@bufbuild/protobuf";
import {DOMAIN} from "@catalyze/proto/domains";
import type {Signed} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import {ResultCommitSchema, type ResultCommit as WireCommit} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {hashHex} from "../crypto/sha256.ts";
import {CodedError} from "../errors/codedError.ts";
import {
  openSigned,
  readVerified,
  type SignContext,
  sealSigned,
  type VerifyContext,
} from "../market/envelope.ts";
import {
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

export type ResultCommit = {
  readonly taskHash: TaskHash;
  readonly attemptId: AttemptId;
  readonly outputHash: Hash;
  /** The meter, in the class's units. */
  readonly units: bigint;
  /** µCTZ. */
  readonly charge: bigint;
  /** Zeros for a free run. */
  readonly lockId: LockId;
  readonly determinism: string;
  /** The provider's half of the audit coin, 64 hex digits. */
  readonly providerNonce: Hash;
  readonly executorMs: number;
};

export type OpenedCommit = ResultCommit & {
  readonly provider: AccountId;
  readonly signature: Uint8Array;
  /** sha256 of the signed body. */
  readonly commitHash: Hash;
};

export function signCommit(commit: ResultCommit, signer: Signer, context: SignContext): Signed {
  const body = create(ResultCommitSchema, {
    taskHash: fromHex(commit.taskHash),
    attemptId: fromHex(commit.attemptId),
    outputHash: fromHex(commit.outputHash),
    units: commit.units,
    charge: commit.charge,
    lockId: fromHex(commit.lockId),
    determinism: commit.determinism,
    providerNonce: fromHex(commit.providerNonce),
    executorMs: BigInt(commit.executorMs),
  });
  return sealSigned(DOMAIN.commit, toBinary(ResultCommitSchema, body), signer, context);
}

/** Throws `DECODE_INVALID` or `SIGNATURE_INVALID`. */
export function openCommit(signed: Uint8Array | Signed, context: VerifyContext): Verified<OpenedCommit> {
  const opened = openSigned(DOMAIN.commit, signed, context);
  return readVerified(opened, ({body, account, signature}) => ({
    ...readCommit(decodeBody(ResultCommitSchema, body)),
    provider: account,
    signature,
    commitHash: hashHex(body),
  }));
}

export type CommitExpectation = {
  readonly quote: Quote;
  readonly attemptId: AttemptId;
  readonly lockId: LockId;
  readonly output: Uint8Array;
};

/** Throws `RESULT_INVALID` or `METER_ABOVE_MAX`: in both cases nothing is owed. */
export function checkCommit(commit: Verified<OpenedCommit>, expected: CommitExpectation): void {
  const {quote, attemptId, lockId, output} = expected;
  const wrong = (field: string): never => {
    throw new CodedError("RESULT_INVALID", {evidence: {field}});
  };
  if (commit.provider !== quote.provider) wrong("provider");
  if (commit.taskHash !== quote.taskHash) wrong("taskHash");
  if (commit.attemptId !== attemptId) wrong("attemptId");
  if (commit.lockId !== lockId) wrong("lockId");
  if (commit.determinism !== quote.determinism) wrong("determinism");
  if (commit.outputHash !== hashHex(output)) wrong("outputHash");
  if (commit.units > quote.unitsMax) {
    throw new CodedError("METER_ABOVE_MAX", {evidence: {units: commit.units, unitsMax: quote.unitsMax}});
  }
  if (commit.charge !== chargeAt(quote, commit.units)) wrong("charge");
}

function readCommit(wire: WireCommit): ResultCommit {
  return {
    taskHash: readTaskHash(wire.taskHash),
    attemptId: readHex(wire.attemptId, 16, "attemptId") as AttemptId,
    outputHash: readHash(wire.outputHash, "outputHash"),
    units: readAmount(wire.units, UNITS_MAX, "units"),
    charge: readAmount(wire.charge, U64_MAX, "charge"),
    lockId: readHash(wire.lockId, "lockId") as string as LockId,
    determinism: readDeterminism(wire.determinism),
    providerNonce: readHash(wire.providerNonce, "providerNonce"),
    executorMs: readNumber(wire.executorMs, DURATION_MS_MAX, "executorMs"),
  };
}
