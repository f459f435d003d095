/**
 * The shell around the pure replica. It knows ports only, so the simulator runs the same code. It promises: nothing
 * leaves this node before it is on disk, what was acknowledged survives any crash, no own slot is signed twice.
 */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {BalanceProof} from "@catalyze/core/ledger/balanceProof";
import type {CellName} from "@catalyze/core/ledger/cell";
import {type Checkpoint, encodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import type {CheckpointSummary} from "@catalyze/core/ledger/effects";
import {placeIn} from "@catalyze/core/ledger/entryNumber";
import {decodeFinalCheckpoint, type FinalCheckpoint} from "@catalyze/core/ledger/finality";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {paramsAround, safeFee} from "@catalyze/core/ledger/governance";
import type {Committees} from "@catalyze/core/ledger/handover";
import type {OpBody, Payload} from "@catalyze/core/ledger/op";
import {decodeOp, lockIdOf, locksMadeBy} from "@catalyze/core/ledger/opCodec";
import type {OpProof} from "@catalyze/core/ledger/opProof";
import type {LedgerParams} from "@catalyze/core/ledger/params";
import type {Register} from "@catalyze/core/ledger/register";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {checkpointKey, KEY, storedHeight} from "@catalyze/core/ledger/storeKeys";
import type {AccountView, Grade, LedgerClient, LockView, OpReceipt} from "@catalyze/core/ports/ledger";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, CellId, Hash, LockId, OpId, PeerId} from "@catalyze/core/primitives/id";
import {type CellHistory, cellHistory} from "./cellHistory.ts";
import {checkChain} from "./checkpointChain.ts";
import {accountViewOf, lockViewOf} from "./clientViews.ts";
import {exportLedger} from "./exportLedger.ts";
import type {HistoryEntry} from "./historyCodec.ts";
import {LedgerEvents} from "./ledgerEvents.ts";
import {encodeLedgerFrame} from "./ledgerFrame.ts";
import {LedgerLife} from "./ledgerLife.ts";
import {type LedgerReport, ledgerReport} from "./ledgerReport.ts";
import {type LedgerStatus, ledgerStatus} from "./ledgerStatus.ts";
import type {LedgerNodeComponents, LedgerNodeOptions, LedgerParts} from "./openLedger.ts";
import {provenCell, provenOp} from "./proofs.ts";
import {Recovery} from "./recovery.ts";
import {isPaid} from "./walletView.ts";
import type {WitnessPeers} from "./witnessPeers.ts";

/** Checkpoints whose proofs `verify` follows back: an hour at 5 s is 720. */
const CHAIN_MAX = 1_000;

export class LedgerNode implements LedgerClient {
  readonly account: AccountId;
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  readonly events: LedgerEvents;
  readonly #components: LedgerNodeComponents;
  readonly #recovery: Recovery;
  readonly #life: LedgerLife;

  constructor(components: LedgerNodeComponents, options: LedgerNodeOptions) {
    this.#components = components;
    this.genesis = options.genesis;
    this.genesisHash = genesisHash(options.genesis);
    this.account = accountIdOf(components.accountSigner.publicKey);
    this.events = new LedgerEvents(components.log);
    this.#life = new LedgerLife(components, options, this.events);
    this.#recovery = new Recovery(options.isRecovering ?? false, () => options.onRecovered?.());
    this.events.checkpoint.add(() => this.#recovery.onCheckpoint(this.#open.sync.isBehind));
  }

  /** Restores from disk, then joins: resends what is pending, syncs, votes. */
  async start(): Promise<void> {
    await this.#life.start();
  }

  /** Everything acknowledged is on disk when it resolves, and nothing of this node runs any more. */
  async stop(): Promise<void> {
    await this.#life.stop();
  }

  // Reads. They go on while nothing can be written.

  /** Resolves when what reads show now is on disk: a crash could make another of it. At once on a full disk. */
  written = (): Promise<void> => this.#open.driver.written().catch(() => undefined);

  head(): {readonly height: bigint; readonly epoch: number; readonly witnesses: number} {
    const {height, epoch} = this.#open.replica.checkpoint;
    return {height, epoch, witnesses: this.#open.witnesses.committee.size};
  }

  /** The last agreed checkpoint, and the state that it names. */
  checkpoint(): Checkpoint {
    return this.#open.replica.checkpoint;
  }

  checkpointedState(): LedgerState {
    return this.#open.replica.base;
  }

  /** The same with everything that is certified since. */
  certifiedState(): LedgerState {
    return this.#open.replica.view;
  }

  /** Of the next checkpoint. */
  get epoch(): number {
    return this.#open.replica.epoch;
  }

  opFee(): bigint {
    const {base, epoch} = this.#open.replica;
    return safeFee(base.governance, epoch);
  }

  params(): LedgerParams {
    return this.#open.replica.params;
  }

  paramsAround(): readonly LedgerParams[] {
    const {base, epoch} = this.#open.replica;
    return paramsAround(base.governance, epoch);
  }

  accountView(id: AccountId): AccountView | undefined {
    return accountViewOf(this.#open.replica, id);
  }

  lockView(id: LockId): LockView | undefined {
    return lockViewOf(this.#open.replica, id);
  }

  ownLocks(): readonly LockId[] {
    const {replica, outbox} = this.#open;
    const certified = [...replica.view.locks()].filter(
      ({payer, isClosed}) => payer === this.account && !isClosed,
    );
    return [...certified.map(({id}) => id), ...outbox.pendingOf(this.account).flatMap(locksMadeBy)];
  }

  catchUp(peer: PeerId): void {
    this.#open.sync.request(peer);
  }

  lockIdsOf(opId: OpId, count: number): readonly LockId[] {
    return Array.from({length: count}, (_, index) => lockIdOf(opId, index));
  }

  /** `undefined` for an op that this node does not know. */
  async grade(id: OpId): Promise<Grade | undefined> {
    const {replica, grades, driver, outbox} = this.#open;
    const height = await grades.heightOf(id);
    if (height !== undefined) return height <= grades.anchored.height ? "anchored" : "checkpointed";
    if (replica.isCheckpointed(id)) return "checkpointed";
    if (replica.isCertified(id) && !driver.isUnsaid(id)) return "certified";
    const isPending = outbox.has(id) || replica.op(id) !== undefined;
    return isPending ? "pending" : undefined;
  }

  /** Latest first. Only of the own account and those of `historyAccounts`. */
  async historyOf(account: AccountId, {limit}: {readonly limit: number}): Promise<readonly HistoryEntry[]> {
    return await this.#open.history.list(account, limit);
  }

  status(): LedgerStatus {
    return ledgerStatus(this.#open, {isRecovering: !this.#recovery.isOver});
  }

  // Writes.

  async submit(cell: CellId, payload: Payload): Promise<OpReceipt> {
    const {wallet, driver} = this.#open;
    this.checkSigning();
    if (driver.failure !== undefined) throw driver.failure;
    const opId = await wallet.submit(cell, payload);
    return {opId, grade: "certified", height: this.head().height};
  }

  /** Unsigned: the next op of a lock with several judges. Takes no slot. Throws like `submit`. */
  draft(cell: CellId, payload: Payload): OpBody {
    this.checkSigning();
    return this.#open.wallet.draft(cell, payload);
  }

  /** Throws `LEDGER_RECOVERY` while this node must sign nothing. */
  checkSigning = (): void => this.#recovery.check();

  /** That no vote has made its fee too low since it was signed: else it will never be certified. */
  isPaid = (body: OpBody): boolean => isPaid(body, this.#open.replica);

  /** An op that was signed elsewhere: kept and sent like an own one. Rejects like `submit`. */
  async submitSigned(bytes: Uint8Array): Promise<OpReceipt> {
    const {wallet, driver} = this.#open;
    if (driver.failure !== undefined) throw driver.failure;
    const opId = await wallet.submitSigned(decodeOp(bytes));
    return {opId, grade: "certified", height: this.head().height};
  }

  /** The chain has made the anchor of `epoch`, whose checkpoint is `height`, final. */
  async noteAnchored(epoch: number, height: bigint): Promise<void> {
    await this.#open.grades.noteAnchored(epoch, height);
  }

  /** What an exit would return to the own account, in µCTZ; `undefined` while no anchor is final. */
  async anchoredSum(): Promise<bigint | undefined> {
    const {grades, anchoredCell} = this.#open;
    return grades.anchored.epoch < 0 ? undefined : await anchoredCell.sumAt(grades.anchored.epoch);
  }

  /** Who witnesses, as the last checkpoint has it. */
  register(): Register {
    return this.#open.replica.base.register;
  }

  /** Of this node's vote key. */
  get seat(): number | undefined {
    return this.#open.replica.seat;
  }

  /** Of the present epoch, in all logs; branches of forked ones not counted. */
  get entries(): number {
    const {replica} = this.#open;
    return Number(replica.heads().reduce((sum, head) => sum + placeIn(replica.epoch, head), 0n));
  }

  get witnessPeers(): WitnessPeers {
    return this.#open.witnesses;
  }

  // Anchors: opaque here.

  /** Who signs the anchor of an epoch. */
  anchorSigners(epoch: number): ReturnType<Committees["anchorSigners"]> {
    return this.#open.committees.anchorSigners(epoch);
  }

  /** To every witness. */
  pushAnchorSignature(bytes: Uint8Array): void {
    const frame = encodeLedgerFrame({case: "anchorSignature", value: bytes});
    this.#open.pushes.push(frame);
  }

  onAnchorSignature(handler: (bytes: Uint8Array, from: PeerId) => void): () => void {
    return this.events.anchorSignature.add(handler);
  }

  onEpochEnd(handler: (checkpoint: Uint8Array, summary: CheckpointSummary) => void): () => void {
    return this.events.epochEnd.add(handler);
  }

  /** A full recount of the agreed state and of the stored checkpoints. */
  async verify(): Promise<LedgerReport> {
    const {replica} = this.#open;
    // Read before the first pause, so that state and checkpoint belong together.
    const {base, checkpoint} = replica;
    const report = ledgerReport(base, checkpoint);
    // Further down stand ends of epochs only.
    const begun = (await storedHeight(this.#components.store, KEY.begun)) ?? 0n;
    const finals = (await this.checkpoints({limit: CHAIN_MAX})).filter(
      (each) => each.checkpoint.height >= begun,
    );
    const chain = checkChain(finals.toReversed(), {
      committeeOf: (epoch) => this.#open.committees.at(epoch),
      verifier: this.#components.verifier,
      genesisHash: fromHex(this.genesisHash),
    });
    return {...report, ok: report.ok && chain.ok, checks: [...report.checks, chain]};
  }

  /** Everything that the store has, as one file, for whoever verifies it from the logs. */
  export(): AsyncGenerator<Uint8Array> {
    return exportLedger(this.#components, this.genesis);
  }

  /** Latest first, each with its proof. */
  async checkpoints({limit}: {readonly limit: number}): Promise<readonly FinalCheckpoint[]> {
    const {store} = this.#components;
    const found = await store.range(KEY.checkpoints, {reverse: true, limit});
    return found.map(([, bytes]) => decodeFinalCheckpoint(bytes));
  }

  /** Canonical bytes of the last checkpoint of an epoch, as far as this node keeps them. */
  async epochCheckpoint(epoch: number): Promise<Uint8Array | undefined> {
    const height = BigInt(epoch) * BigInt(this.genesis.params.checkpointsPerEpoch);
    const bytes = await this.#components.store.get(checkpointKey(height));
    return bytes === undefined ? undefined : encodeCheckpoint(decodeFinalCheckpoint(bytes).checkpoint);
  }

  /** A cell at the last checkpoint, or that there is none, as anybody can check it. `NOT_FOUND` before the first. */
  async proofOf(name: CellName): Promise<BalanceProof> {
    return await provenCell(name, {...this.#components, genesis: this.genesis, replica: this.#open.replica});
  }

  /** Of one of the latest ops. Throws `NOT_FOUND`. */
  async opProofOf(id: OpId): Promise<OpProof> {
    return await provenOp(id, {...this.#components, genesis: this.genesis, replica: this.#open.replica});
  }

  /** What the logs here have of any cell, latest first. */
  async opsOf(id: CellId, {limit}: {readonly limit: number}): Promise<CellHistory> {
    const state = () => this.#open.replica.view;
    return await cellHistory({...this.#components, state, written: this.written}, {id, limit});
  }

  get #open(): LedgerParts {
    return this.#life.parts;
  }
}
