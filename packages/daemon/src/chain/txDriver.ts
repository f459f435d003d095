/**
 * Drives recorded transactions to finality: plan → sign → persist → send → look for a receipt → final.
 * Each `advance` is one idempotent step, so a crash anywhere is continued by the next call. A transaction
 * that a reorganisation dropped is sent again with the same bytes; one that is stuck gets a higher fee under
 * the same nonce; both can never be included.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import {type Hex, keccak256, type PublicClient, TransactionReceiptNotFoundError} from "viem";
import type {PrivateKeyAccount} from "viem/accounts";
import {chainError, onChain} from "./evmClient.ts";
import type {Attempt, TxPurpose, TxRecord, TxRecords} from "./txRecord.ts";

export type TxDriverComponents = {
  readonly client: PublicClient;
  readonly account: PrivateKeyAccount;
  readonly records: TxRecords;
  readonly clock: Clock;
  readonly log: Log;
};

export type TxDriverOptions = {
  readonly chainId: number;
  readonly to: Hex;
  /** Without a receipt for this long the fee is raised. */
  readonly bumpAfterMs: number;
  /** Never offers more per gas. */
  readonly maxFeePerGasMax: bigint;
};

type Fees = Pick<Attempt, "maxFeePerGas" | "maxPriorityFeePerGas">;

/** A replacement must offer a tenth more, or nodes refuse it. */
const BUMP_PERCENT = 13n;
/** Estimates vary a little between estimate and inclusion. */
const GAS_MARGIN_PERCENT = 25n;
const ATTEMPTS_MAX = 20;
/** Said of bytes that the node has already, or of a nonce that is used: information, not failure. */
const KNOWN = /already known|already imported|nonce too low|underpriced|known transaction/i;

export class TxDriver {
  readonly #components: TxDriverComponents;
  readonly #options: TxDriverOptions;

  constructor(components: TxDriverComponents, options: TxDriverOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** Persists the intent with its first signed form. Nothing is sent yet: `advance` does. */
  async plan(epoch: number, data: Hex, purpose: TxPurpose = "submit"): Promise<TxRecord> {
    const {client, account, records} = this.#components;
    const gas = await onChain(() =>
      client.estimateGas({account: account.address, to: this.#options.to, data}),
    );
    const nonce = await this.#nextNonce();
    const unsigned = {epoch, purpose, nonce, data, gas: gas + (gas * GAS_MARGIN_PERCENT) / 100n};
    const record = await this.#withAttempt(
      {...unsigned, attempts: [], state: "open", receipt: undefined},
      await this.#currentFees(),
    );
    await records.put(record);
    return record;
  }

  /** One step towards `final`. What changed is on disk when it resolves. */
  async advance(record: TxRecord): Promise<TxRecord> {
    const found = await this.#receiptOf(record);
    if (found !== undefined) return await this.#included(record, found);
    const {client, account, clock, log} = this.#components;
    const used = await onChain(() =>
      client.getTransactionCount({address: account.address, blockTag: "finalized"}),
    );
    if (used > record.nonce) {
      log.error("a transaction of somebody else used the nonce of an anchor", {epoch: record.epoch});
      return await this.#saved({...record, state: "lost", receipt: undefined});
    }
    const current = {...record, receipt: undefined};
    const lastAt = current.attempts.at(-1)?.atMs ?? 0;
    const isStuck = clock.now() - lastAt >= this.#options.bumpAfterMs;
    const next = isStuck && current.attempts.length < ATTEMPTS_MAX ? await this.#bumped(current) : current;
    await this.#send(next);
    return next;
  }

  async #included(record: TxRecord, receipt: Receipt): Promise<TxRecord> {
    const {client} = this.#components;
    const found = {hash: receipt.transactionHash, blockNumber: receipt.blockNumber, gasUsed: receipt.gasUsed};
    const [finalized, canonical] = await onChain(() =>
      Promise.all([
        client.getBlock({blockTag: "finalized"}),
        client.getBlock({blockNumber: receipt.blockNumber}),
      ]),
    );
    const isFinal = receipt.blockNumber <= finalized.number && canonical.hash === receipt.blockHash;
    if (!isFinal) return {...record, receipt: found};
    const state = receipt.status === "success" ? "final" : "reverted";
    return await this.#saved({...record, state, receipt: found});
  }

  async #receiptOf(record: TxRecord): Promise<Receipt | undefined> {
    for (const {hash} of record.attempts) {
      try {
        return await this.#components.client.getTransactionReceipt({hash});
      } catch (error) {
        if (!(error instanceof TransactionReceiptNotFoundError)) throw chainError(error);
      }
    }
    return undefined;
  }

  async #send(record: TxRecord): Promise<void> {
    const attempt = record.attempts.at(-1);
    if (attempt === undefined) return;
    try {
      await this.#components.client.sendRawTransaction({serializedTransaction: attempt.raw});
    } catch (error) {
      const text = error instanceof Error ? error.message : "";
      if (!KNOWN.test(text)) throw chainError(error);
    }
  }

  async #bumped(record: TxRecord): Promise<TxRecord> {
    const before = record.attempts.at(-1);
    const now = await this.#currentFees();
    const raised = (value: bigint) => (value * (100n + BUMP_PERCENT)) / 100n + 1n;
    const fees = {
      maxFeePerGas: greater(now.maxFeePerGas, raised(before?.maxFeePerGas ?? 0n)),
      maxPriorityFeePerGas: greater(now.maxPriorityFeePerGas, raised(before?.maxPriorityFeePerGas ?? 0n)),
    };
    if (fees.maxFeePerGas > this.#options.maxFeePerGasMax) return record;
    return await this.#saved(await this.#withAttempt(record, fees));
  }

  async #withAttempt(record: TxRecord, fees: Fees): Promise<TxRecord> {
    const {account, clock} = this.#components;
    const {chainId, to} = this.#options;
    const {nonce, data, gas} = record;
    const raw = await account.signTransaction({type: "eip1559", chainId, to, nonce, data, gas, ...fees});
    const attempt = {raw, hash: keccak256(raw), ...fees, atMs: clock.now()};
    return {...record, attempts: [...record.attempts, attempt]};
  }

  async #currentFees(): Promise<Fees> {
    const {client} = this.#components;
    const [block, tip] = await onChain(() =>
      Promise.all([client.getBlock(), client.estimateMaxPriorityFeePerGas()]),
    );
    const maxFeePerGas = (block.baseFeePerGas ?? 0n) * 2n + tip;
    if (maxFeePerGas <= this.#options.maxFeePerGasMax) return {maxFeePerGas, maxPriorityFeePerGas: tip};
    throw new CodedError("CHAIN_UNREACHABLE", {
      message: "The chain's fees are above the limit of this node; anchors wait.",
      evidence: {maxFeePerGas},
    });
  }

  /** After everything of ours that may still be included, and after whatever the chain has included. */
  async #nextNonce(): Promise<number> {
    const {client, account, records} = this.#components;
    const open = (await records.open()).map(({nonce}) => nonce + 1);
    const used = await onChain(() =>
      client.getTransactionCount({address: account.address, blockTag: "latest"}),
    );
    return Math.max(used, ...open);
  }

  async #saved(record: TxRecord): Promise<TxRecord> {
    await this.#components.records.put(record);
    return record;
  }
}

type Receipt = Awaited<ReturnType<PublicClient["getTransactionReceipt"]>>;

function greater(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
