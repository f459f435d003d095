/**
 * What is on disk of one transaction before it is sent: the intent with its nonce and every signed form of
 * it. The hash is known before sending, so recovery needs no guess: it looks for receipts and sends the
 * same bytes again.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Store} from "@catalyze/core/ports/store";
import {fromUtf8, utf8} from "@catalyze/core/primitives/bytes";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";
import type {Hex} from "viem";

/** One signed form: a fee bump adds another with the same nonce. */
export type Attempt = {
  readonly raw: Hex;
  readonly hash: Hex;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  readonly atMs: number;
};

/** What is asked of the contract for an epoch: to take its anchor, or to make it final. */
export type TxPurpose = "submit" | "finalize";

export type TxRecord = {
  readonly epoch: number;
  readonly purpose: TxPurpose;
  readonly nonce: number;
  readonly data: Hex;
  readonly gas: bigint;
  readonly attempts: readonly Attempt[];
  /** `lost`: the nonce went to a transaction that is none of ours. */
  readonly state: "open" | "final" | "reverted" | "lost";
  readonly receipt: {readonly hash: Hex; readonly blockNumber: bigint; readonly gasUsed: bigint} | undefined;
};

const PREFIXES: Readonly<Record<TxPurpose, string>> = {submit: "an/tx/", finalize: "an/final/"};
const RECORDS_MAX = 10_000;

/** The records of this node's transactions, by what they are for and epoch. */
export class TxRecords {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** On disk when it resolves. */
  async put(record: TxRecord): Promise<void> {
    const text = JSON.stringify(record, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
    await this.#store.write([{key: keyOf(record), value: utf8(text)}], {sync: true});
  }

  async get(epoch: number, purpose: TxPurpose = "submit"): Promise<TxRecord | undefined> {
    const bytes = await this.#store.get(keyOf({epoch, purpose}));
    return bytes === undefined ? undefined : decode(bytes);
  }

  /** Latest epoch first. */
  async list(purpose: TxPurpose, limit = RECORDS_MAX): Promise<readonly TxRecord[]> {
    const entries = await this.#store.range(PREFIXES[purpose], {reverse: true, limit});
    return entries.map(([, bytes]) => decode(bytes));
  }

  /** Those that may still be included, in the order of their nonces. */
  async open(): Promise<readonly TxRecord[]> {
    const all = [...(await this.list("submit")), ...(await this.list("finalize"))];
    return all.filter(({state}) => state === "open").sort((left, right) => left.nonce - right.nonce);
  }

  async remove(records: readonly TxRecord[]): Promise<void> {
    await this.#store.write(records.map((record) => ({key: keyOf(record), value: undefined})));
  }
}

function keyOf({epoch, purpose}: Pick<TxRecord, "epoch" | "purpose">): string {
  return PREFIXES[purpose] + epoch.toString().padStart(10, "0");
}

/** Our own bytes: a record that does not read means a damaged store. */
function decode(bytes: Uint8Array): TxRecord {
  try {
    const json: unknown = JSON.parse(fromUtf8(bytes), (_, value) =>
      typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
    );
    if (isRecord(json) && typeof json["nonce"] === "number" && Array.isArray(json["attempts"])) {
      return {receipt: undefined, purpose: "submit", ...json} as TxRecord;
    }
  } catch (cause) {
    throw new CodedError("STORE_CORRUPT", {cause, evidence: {record: "transaction"}});
  }
  throw new CodedError("STORE_CORRUPT", {evidence: {record: "transaction"}});
}
