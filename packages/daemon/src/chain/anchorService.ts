/**
 * Brings each epoch's last checkpoint to the chain: sign, tell, collect more than 2/3, post in turn, follow
 * to finality. Everything it holds is on disk first, so that it goes on after a crash where it was.
 */
import {membersOf} from "@catalyze/contracts/committeeHash";
import {type CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import type {Store} from "@catalyze/core/ports/store";
import {toHex} from "@catalyze/core/primitives/bytes";
import type {Hash, PeerId} from "@catalyze/core/primitives/id";
import type {Hex} from "viem";
import {privateKeyToAccount} from "viem/accounts";
import {AnchorBook, type AnchorMembers} from "./anchorBook.ts";
import {AnchorContract, type AnchorContractOptions, type ChainView, type ReadBack} from "./anchorContract.ts";
import {AnchorFinalizer} from "./anchorFinalizer.ts";
import {AnchorPoster} from "./anchorPoster.ts";
import {AnchorSigner, type AnchorSignerComponents} from "./anchorSigner.ts";
import {evmClient} from "./evmClient.ts";
import {TxDriver} from "./txDriver.ts";
import {type TxRecord, TxRecords} from "./txRecord.ts";

export type AnchorServiceComponents = Omit<AnchorSignerComponents, "book" | "account"> & {
  readonly store: Store;
};

export type AnchorServiceOptions = AnchorContractOptions & {
  readonly genesis: Genesis;
  /** Tried in order. */
  readonly rpcUrls: readonly string[];
  /** secp256k1, 32 bytes. A key outside the committee only watches. */
  readonly evmKey: Uint8Array;
  /** How often the chain is looked at. */
  readonly pollMs: number;
  /** How much longer each next member waits before it posts. */
  readonly stepMs: number;
  /** A restored node that has not recovered watches, and signs nothing. */
  readonly isReadOnly?: boolean;
};

/** Numbers that fit a network: an epoch of seconds must not wait minutes. */
export function anchorTiming(epochMs: number): {readonly pollMs: number; readonly stepMs: number} {
  const within = (value: number, min: number, max: number) => Math.min(max, Math.max(min, Math.floor(value)));
  return {pollMs: within(epochMs / 20, 500, 15_000), stepMs: within(epochMs / 8, 1_500, 120_000)};
}

/** An anchored epoch. */
export type AnchoredEpoch = {readonly epoch: number; readonly height: bigint; readonly stateRoot: Hash};

export type AnchorStatus = {
  readonly chainId: number;
  readonly contract: Hex;
  /** Newest that the chain has and no reorganisation can take back. */
  readonly settled: AnchoredEpoch | undefined;
  /** Newest epoch that has outlived its challenge window: what the grade `anchored` means. 0 for none. */
  readonly finalEpoch: number;
  /** Newest epoch that this node posted itself. */
  readonly posted: {readonly epoch: number; readonly tx: Hex; readonly state: TxRecord["state"]} | undefined;
  /** Epochs agreed on and not settled yet. */
  readonly waiting: number;
  readonly isPaused: boolean;
  readonly isExit: boolean;
  /** Why nothing goes on at the moment. */
  readonly failure: CodedError | undefined;
};

/** A transaction without a receipt for this long gets a higher fee. */
const BUMP_AFTER_MS = 60_000;
/** 500 gwei: a bound against a broken or hostile fee oracle. */
const FEE_MAX = 500n * 10n ** 9n;

export class AnchorService {
  readonly #components: AnchorServiceComponents;
  readonly #options: AnchorServiceOptions;
  readonly #genesisHash: Hash;
  readonly #book: AnchorBook;
  readonly #contract: AnchorContract;
  readonly #signer: AnchorSigner;
  readonly #poster: AnchorPoster;
  readonly #finalizer: AnchorFinalizer;
  #ticking: Promise<void> = Promise.resolve();
  #cancelTick: (() => void) | undefined;
  #isStopped = false;
  #isVerified = false;
  #view: ChainView | undefined;
  #finalEpoch = 0;
  #failure: CodedError | undefined;

  constructor(components: AnchorServiceComponents, options: AnchorServiceOptions) {
    const {store, clock, log} = components;
    const {genesis, chainId, contract, stepMs} = options;
    this.#components = components;
    this.#options = options;
    this.#genesisHash = genesisHash(genesis);
    const account = privateKeyToAccount(`0x${toHex(options.evmKey)}`);
    const membersAt: AnchorMembers = (epoch) => membersOf(components.ledger.anchorSigners(epoch));
    const own = account.address.toLowerCase();
    const memberAt = (epoch: number) => {
      if (options.isReadOnly === true) return -1;
      const {ledger} = components;
      return ledger
        .anchorSigners(epoch)
        .findIndex(({seat, evmAddress}) => seat === ledger.seat && `0x${evmAddress}` === own);
    };
    const client = evmClient(options.rpcUrls, chainId);
    const records = new TxRecords(store);
    this.#book = new AnchorBook(store, membersAt);
    this.#contract = new AnchorContract(client, options);
    const isHeard = (peer: PeerId) => components.ledger.witnessPeers.isSeated(peer);
    this.#signer = new AnchorSigner(
      {...components, book: this.#book, account},
      {chainId, contract, membersAt, memberAt, genesisHash: this.#genesisHash, isHeard},
    );
    const driver = new TxDriver(
      {client, account, records, clock, log},
      {chainId, to: contract, bumpAfterMs: BUMP_AFTER_MS, maxFeePerGasMax: FEE_MAX},
    );
    const posting = {book: this.#book, contract: this.#contract, driver, records, clock, log};
    this.#poster = new AnchorPoster(posting, {membersAt, memberAt, stepMs});
    this.#finalizer = new AnchorFinalizer(posting, {membersAt, memberAt, stepMs});
  }

  /** Reads what is on disk and begins. A chain that does not answer is tried again, never an error here. */
  async start(): Promise<void> {
    await this.#book.load();
    await this.#poster.start();
    this.#signer.start();
    this.#schedule(0);
  }

  /** Returns once nothing of this service runs any more; a transaction that was sent needs nobody. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTick?.();
    await this.#signer.stop();
    await this.#ticking;
  }

  status(): AnchorStatus {
    const {chainId, contract} = this.#options;
    const view = this.#view;
    const settled = view === undefined || view.settled.epoch === 0 ? undefined : anchoredOf(view.settled);
    const posted = this.#poster.latest;
    const tx = posted?.receipt?.hash ?? posted?.attempts.at(-1)?.hash;
    return {
      chainId,
      contract,
      settled,
      finalEpoch: this.#finalEpoch,
      posted:
        posted === undefined || tx === undefined ? undefined : {epoch: posted.epoch, tx, state: posted.state},
      waiting: this.#book.after(settled?.epoch ?? 0).length,
      isPaused: view?.isPaused === true,
      isExit: view?.isExit === true,
      failure: this.#failure,
    };
  }

  /** The anchor of an epoch as the chain has it; `undefined` when it has none. Throws `CHAIN_UNREACHABLE`. */
  async readBack(epoch: number): Promise<ReadBack | undefined> {
    return await this.#contract.readBack(epoch);
  }

  async #tick(): Promise<void> {
    try {
      if (!this.#isVerified) await this.#contract.verify(this.#genesisHash);
      this.#isVerified = true;
      const view = await this.#contract.view();
      this.#view = view;
      this.#signer.chainAt(view.last, view.settled.epoch);
      await this.#noteFinal(view);
      await this.#poster.driveOpen();
      if (!view.isPaused && !view.isExit) await this.#poster.postNext(view);
      if (!view.isExit) await this.#finalizer.finalize(view, this.#finalEpoch);
      this.#failed(undefined);
    } catch (error) {
      this.#failed(toCodedError(error));
    }
    this.#schedule(this.#options.pollMs);
  }

  async #noteFinal(view: ChainView): Promise<void> {
    const epoch = await this.#contract.newestFinal(view, this.#finalEpoch);
    if (epoch <= this.#finalEpoch) return;
    const height = this.#book.get(epoch)?.own?.height ?? (await this.#contract.readBack(epoch))?.height;
    if (height === undefined) return;
    await this.#components.ledger.noteAnchored(epoch, height);
    this.#finalEpoch = epoch;
    await this.#book.prune(epoch);
    await this.#poster.prune();
  }

  #failed(failure: CodedError | undefined): void {
    const {log} = this.#components;
    if (failure !== undefined && failure.code !== this.#failure?.code) {
      log.warn("anchors wait", {code: failure.code, evidence: failure.evidence});
    }
    if (failure === undefined && this.#failure !== undefined) log.info("anchors go on");
    this.#failure = failure;
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancelTick = this.#components.clock.after(delayMs, () => {
      this.#ticking = this.#tick();
    });
  }
}

function anchoredOf({epoch, height, stateRoot}: AnchoredEpoch): AnchoredEpoch {
  return {epoch, height, stateRoot};
}
