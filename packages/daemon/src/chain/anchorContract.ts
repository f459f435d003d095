/** Reads the anchor contract and says whether it is the one of this network. */
import {catalyzeAnchorAbi} from "@catalyze/contracts/abi/catalyzeAnchor";
import {ctzAbi} from "@catalyze/contracts/abi/ctz";
import {type AnchorTarget, anchorRecord} from "@catalyze/contracts/anchorDigest";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Anchor, LastAnchor} from "@catalyze/core/ledger/anchorRules";
import type {Hash} from "@catalyze/core/primitives/id";
import type {Hex, PublicClient} from "viem";
import {onChain} from "./evmClient.ts";

export type AnchoredState = LastAnchor & {
  readonly stateRoot: Hash;
  readonly liabilities: bigint;
  readonly committeeHash: Hash;
  /** Seconds, by the chain's clock; of the genesis: when the contract was made. */
  readonly at: bigint;
};

/** What a look at the chain says. */
export type ChainView = {
  /** Newest anchor in the newest block. */
  readonly last: AnchoredState;
  /** Newest anchor that no reorganisation can take back. */
  readonly settled: AnchoredState;
  /** Newest that the contract itself has made final: it pays out and survives an exit. */
  readonly final: AnchoredState;
  readonly isPaused: boolean;
  readonly isExit: boolean;
  readonly emissionAllowed: bigint;
  /** Block of `settled` and `final`. */
  readonly settledBlock: bigint;
  /** Anchors accepted up to this second have outlived their challenge window. */
  readonly windowOverAt: bigint;
  /** Seconds; windows start anew here after a pause. */
  readonly resumedAt: bigint;
};

/** An accepted anchor, found on the chain and recognised by the contract's own record of it. */
export type ReadBack = {
  readonly epoch: number;
  readonly height: bigint;
  readonly stateRoot: Hash;
  readonly checkpointHash: Hash;
  readonly tx: Hex;
  readonly blockNumber: bigint;
  readonly gasUsed: bigint;
};

export type AnchorContractOptions = AnchorTarget & {
  /** No event is older. */
  readonly deployBlock: bigint;
};

/** Of one look; production adds one epoch an hour. */
const FINAL_LOOKUPS_MAX = 64;

export class AnchorContract {
  readonly #client: PublicClient;
  readonly #options: AnchorContractOptions;
  #facts: {readonly token: Hex; readonly challengeWindow: bigint} | undefined;

  constructor(client: PublicClient, options: AnchorContractOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Throws `CHAIN_MISMATCH` unless chain and contract are those of this genesis. */
  async verify(genesisHash: Hash): Promise<void> {
    const {chainId, contract} = this.#options;
    const found = await onChain(() => this.#client.getChainId());
    if (found !== chainId)
      throw new CodedError("CHAIN_MISMATCH", {evidence: {chainId: found, expected: chainId}});
    const code = await onChain(() => this.#client.getCode({address: contract}));
    if (code === undefined || code === "0x") {
      throw new CodedError("CHAIN_MISMATCH", {
        message: "There is no contract at this address.",
        evidence: {contract},
      });
    }
    const genesis = await onChain(() =>
      this.#client.readContract({...this.#call, functionName: "genesisHash"}),
    );
    if (genesis !== `0x${genesisHash}`) {
      throw new CodedError("CHAIN_MISMATCH", {
        message: "The contract belongs to another network.",
        evidence: {genesis},
      });
    }
  }

  async view(): Promise<ChainView> {
    const client = this.#client;
    return await onChain(async () => {
      const {token, challengeWindow} = await this.#unchanging();
      const [newest, finalized] = await Promise.all([
        client.getBlock(),
        client.getBlock({blockTag: "finalized"}),
      ]);
      // Right after the deployment no block with the contract is finalized yet.
      const settledBlock =
        finalized.number < this.#options.deployBlock ? this.#options.deployBlock : finalized.number;
      const at = {...this.#call, blockNumber: newest.number} as const;
      const settledAt = {...this.#call, blockNumber: settledBlock} as const;
      const [last, settled, final, pausedAt, resumedAt, isExit, emissionAllowed] = await Promise.all([
        client.readContract({...at, functionName: "last"}),
        client.readContract({...settledAt, functionName: "last"}),
        client.readContract({...settledAt, functionName: "lastFinal"}),
        client.readContract({...at, functionName: "pausedAt"}),
        client.readContract({...at, functionName: "resumedAt"}),
        client.readContract({...at, functionName: "isExit"}),
        client.readContract({
          address: token,
          abi: ctzAbi,
          functionName: "emissionAt",
          args: [newest.timestamp],
        }),
      ]);
      return {
        last: stateOf(last),
        settled: stateOf(settled),
        final: stateOf(final),
        isPaused: pausedAt !== 0n,
        isExit,
        emissionAllowed,
        settledBlock,
        windowOverAt: newest.timestamp - challengeWindow,
        resumedAt,
      };
    });
  }

  /**
   * Newest epoch from `known` on whose challenge window is over, whether or not anybody has told the
   * contract yet. Looks at a bounded number of epochs; the next call goes on from there.
   */
  async newestFinal(view: ChainView, known: number): Promise<number> {
    return await onChain(async () => {
      let newest = Math.max(known, view.final.epoch);
      if (view.isPaused || view.resumedAt > view.windowOverAt) return newest;
      for (let looked = 0; looked < FINAL_LOOKUPS_MAX && newest < view.settled.epoch; looked += 1) {
        const [at] = await this.#client.readContract({
          ...this.#call,
          functionName: "records",
          args: [BigInt(newest + 1)],
          blockNumber: view.settledBlock,
        });
        if (BigInt(at) > view.windowOverAt) break;
        newest += 1;
      }
      return newest;
    });
  }

  /** Sum of the first `cursor` deposits; `undefined` beyond the list. */
  async depositedUpTo(cursor: bigint): Promise<bigint | undefined> {
    return await onChain(async () => {
      const count = await this.#client.readContract({...this.#call, functionName: "depositCount"});
      if (cursor < 1n || cursor > count) return undefined;
      return await this.#client.readContract({...this.#call, functionName: "depositedUpTo", args: [cursor]});
    });
  }

  /** Newest epoch that the contract has made final, in the newest block. */
  async finalEpoch(): Promise<number> {
    const {epoch} = await onChain(() =>
      this.#client.readContract({...this.#call, functionName: "lastFinal"}),
    );
    return Number(epoch);
  }

  /** `undefined` when the contract has no anchor of this epoch. */
  async readBack(epoch: number): Promise<ReadBack | undefined> {
    const found = await this.#posted(epoch);
    if (found === undefined) return undefined;
    const {anchor, tx, blockNumber} = found;
    const {gasUsed} = await onChain(() => this.#client.getTransactionReceipt({hash: tx}));
    const {height, stateRoot, checkpointHash} = anchor;
    return {epoch, height, stateRoot, checkpointHash, tx, blockNumber, gasUsed};
  }

  /** The same as it was posted. */
  async anchorOf(epoch: number): Promise<Anchor | undefined> {
    return (await this.#posted(epoch))?.anchor;
  }

  async #posted(epoch: number): Promise<{anchor: Anchor; tx: Hex; blockNumber: bigint} | undefined> {
    return await onChain(async () => {
      const client = this.#client;
      const [, digest] = await client.readContract({
        ...this.#call,
        functionName: "records",
        args: [BigInt(epoch)],
      });
      if (/^0x0*$/.test(digest)) return undefined;
      const logs = await client.getContractEvents({
        ...this.#call,
        eventName: "Anchored",
        args: {epoch: BigInt(epoch)},
        fromBlock: this.#options.deployBlock,
      });
      for (const log of logs) {
        const anchor = log.args.anchor && anchorFrom(log.args.anchor);
        if (anchor === undefined || anchorRecord(anchor) !== digest) continue;
        return {anchor, tx: log.transactionHash, blockNumber: log.blockNumber};
      }
      return undefined;
    });
  }

  get #call() {
    return {address: this.#options.contract, abi: catalyzeAnchorAbi} as const;
  }

  async #unchanging(): Promise<{readonly token: Hex; readonly challengeWindow: bigint}> {
    if (this.#facts === undefined) {
      const [token, challengeWindow] = await Promise.all([
        this.#client.readContract({...this.#call, functionName: "token"}),
        this.#client.readContract({...this.#call, functionName: "challengeWindow"}),
      ]);
      this.#facts = {token, challengeWindow};
    }
    return this.#facts;
  }
}

type RawState = {
  readonly epoch: bigint;
  readonly height: bigint;
  readonly depositCursor: bigint;
  readonly at: bigint;
  readonly checkpointHash: Hex;
  readonly stateRoot: Hex;
  readonly committeeHash: Hex;
  readonly liabilities: bigint;
  readonly minted: bigint;
  readonly burned: bigint;
  readonly withdrawn: bigint;
};

function stateOf(raw: RawState): AnchoredState {
  const {height, depositCursor, at, liabilities, minted, burned, withdrawn} = raw;
  return {
    ...{height, depositCursor, at, liabilities, minted, burned, withdrawn},
    epoch: Number(raw.epoch),
    checkpointHash: hashOf(raw.checkpointHash),
    stateRoot: hashOf(raw.stateRoot),
    committeeHash: hashOf(raw.committeeHash),
  };
}

type RawAnchor = Omit<RawState, "at" | "committeeHash"> & {
  readonly previousHash: Hex;
  readonly withdrawalRoot: Hex;
  readonly nextCommitteeHash: Hex;
};

function anchorFrom(raw: RawAnchor): Anchor {
  return {
    ...raw,
    epoch: Number(raw.epoch),
    previousHash: hashOf(raw.previousHash),
    checkpointHash: hashOf(raw.checkpointHash),
    stateRoot: hashOf(raw.stateRoot),
    withdrawalRoot: hashOf(raw.withdrawalRoot),
    nextCommitteeHash: hashOf(raw.nextCommitteeHash),
  };
}

function hashOf(hex: Hex): Hash {
  return hex.slice(2) as Hash;
}
