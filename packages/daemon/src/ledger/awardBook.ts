/**
 * Awards that this account has signed as one of several judges. Two awards in one slot of a lock's log freeze it, so
 * an account signs one, whoever wrote it, and has that on disk before anybody sees the signature. A lock with one
 * judge needs none of this: its awards go through the outbox.
 *
 * One record a lock, of at most 3 KiB; only own signatures make them.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Op} from "@catalyze/core/ledger/op";
import {addSignature, decodeOp, encodeOp} from "@catalyze/core/ledger/opCodec";
import type {Signer} from "@catalyze/core/ports/signer";
import type {Store} from "@catalyze/core/ports/store";
import {compareBytes, equalBytes} from "@catalyze/core/primitives/bytes";
import type {CellId} from "@catalyze/core/primitives/id";
import {KeyedQueue} from "../pipeline/keyedQueue.ts";

export type AwardBookComponents = {
  readonly store: Pick<Store, "get" | "write">;
  readonly signer: Signer;
  /** Of an award signed earlier: that it can never be certified any more, so that its slot is free. */
  readonly isVoid: (op: Op) => boolean;
};

const KEY = "lj/";

export class AwardBook {
  readonly #components: AwardBookComponents;
  readonly #genesisHash: Uint8Array;
  readonly #turns = new KeyedQueue();

  constructor(components: AwardBookComponents, genesisHash: Uint8Array) {
    this.#components = components;
    this.#genesisHash = genesisHash;
  }

  /** With our signature, and those of others that were known here. Throws `AWARD_CONFLICT`, `STORE_FULL`. */
  async sign(op: Pick<Op, "id" | "body" | "bodyBytes" | "signatures">): Promise<Op> {
    const {store, signer, isVoid} = this.#components;
    return await this.#turns.run(op.body.cell, async () => {
      const last = await this.#last(op.body.cell);
      const isSame = last?.id === op.id;
      if (last !== undefined && !isSame && last.body.seq >= op.body.seq && !isVoid(last))
        throw new CodedError("AWARD_CONFLICT", {evidence: {award: textOf(last)}});
      const known = isSame ? joined(op, last) : op;
      const signed = hasSigned(known, signer) ? known : addSignature(known, signer, this.#genesisHash);
      const bytes = encodeOp(signed);
      await store.write([{key: KEY + op.body.cell, value: bytes}], {sync: true});
      return decodeOp(bytes);
    });
  }

  /** The award of this slot that this account has signed, if it still may be certified. */
  async signedAt(lock: CellId, seq: bigint): Promise<Op | undefined> {
    const last = await this.#last(lock);
    return last?.body.seq === seq && !this.#components.isVoid(last) ? last : undefined;
  }

  async #last(lock: CellId): Promise<Op | undefined> {
    const bytes = await this.#components.store.get(KEY + lock);
    return bytes === undefined ? undefined : decodeOp(bytes);
  }
}

/** As it travels between judges. */
export function textOf(op: Pick<Op, "body" | "signatures">): string {
  return Buffer.from(encodeOp(op)).toString("base64url");
}

function hasSigned({signatures}: Pick<Op, "signatures">, {publicKey}: Signer): boolean {
  return signatures.some((each) => equalBytes(each.publicKey, publicKey));
}

/** One op with the signatures of both. */
function joined(
  op: Pick<Op, "body" | "bodyBytes" | "signatures">,
  other: Pick<Op, "signatures">,
): Pick<Op, "body" | "bodyBytes" | "signatures"> {
  const more = other.signatures.filter(
    ({publicKey}) => !op.signatures.some((each) => equalBytes(each.publicKey, publicKey)),
  );
  const signatures = [...op.signatures, ...more].sort((left, right) =>
    compareBytes(left.publicKey, right.publicKey),
  );
  return {...op, signatures};
}
