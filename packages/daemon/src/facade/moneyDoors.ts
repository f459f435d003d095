/** Wallet and ledger for the doors. */
import {writeFile} from "node:fs/promises";
import type {CellsView} from "@catalyze/api/schema/cell";
import type {
  BackupView,
  BalanceList,
  BalanceProofView,
  CellOpList,
  CheckpointView,
  HistoryItem,
  LedgerReport,
  LedgerView,
  OpProofView,
  OpView,
  WalletView,
} from "@catalyze/api/schema/money";
import {hashHex} from "@catalyze/core/crypto/sha256";
import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeBalanceProof} from "@catalyze/core/ledger/balanceProof";
import {balanceOf, type LockCell, type SaleCell, stakeOf, ZERO_HASH} from "@catalyze/core/ledger/cell";
import type {Payload, StakeKind} from "@catalyze/core/ledger/op";
import {encodeOpProof} from "@catalyze/core/ledger/opProof";
import type {Net} from "@catalyze/core/ports/net";
import {toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, CellId, OpId} from "@catalyze/core/primitives/id";
import {isCellId} from "@catalyze/core/primitives/id";
import type {LedgerFacade, WalletFacade} from "../http/nodeFacade.ts";
import {exportBackup} from "../identity/backup.ts";
import type {NodeKeys} from "../identity/nodeKeys.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {Identity} from "../pipeline/identity.ts";
import type {VoucherRecords} from "../pipeline/incomingPayments.ts";
import type {Marketplace} from "../pipeline/marketplace.ts";
import {cellHistoryView} from "./cellHistoryView.ts";
import {cellsView} from "./cellViews.ts";
import type {ChainDoor} from "./chainDoor.ts";
import {opView, witnessViews} from "./ledgerViews.ts";

export type MoneyComponents = {
  readonly ledger: LedgerNode;
  readonly marketplace: Marketplace;
  readonly vouchers: VoucherRecords;
  readonly identity: Identity;
  readonly net: Net;
  readonly chain: ChainDoor | undefined;
};

export class WalletDoor implements WalletFacade {
  readonly #components: MoneyComponents;
  readonly #secrets: {readonly keys: NodeKeys; readonly passphrase: Uint8Array; readonly evmAddress: string};

  constructor(
    components: MoneyComponents,
    secrets: {keys: NodeKeys; passphrase: Uint8Array; evmAddress: string},
  ) {
    this.#components = components;
    this.#secrets = secrets;
  }

  async show(): Promise<WalletView> {
    const {ledger, marketplace, identity} = this.#components;
    const anchored = await ledger.anchoredSum();
    // Of one moment: no pause from here on.
    const view = ledger.accountView(identity.account);
    const {height, witnesses} = ledger.head();
    const {timeMs} = ledger.checkpoint();
    const {checkpointIntervalMs} = ledger.params();
    return {
      account: identity.account,
      publicKey: toHex(identity.accountSigner.publicKey),
      balanceUctz: (view?.balance ?? 0n).toString(),
      balanceCheckpointedUctz: (view?.balanceCheckpointed ?? 0n).toString(),
      ...(anchored === undefined ? {} : {balanceAnchoredUctz: anchored.toString()}),
      stakedUctz: (view?.staked ?? 0n).toString(),
      cooling: (view?.cooling ?? []).map(({stake, amount, matureH}) => ({
        stake,
        amountUctz: amount.toString(),
        matureHeight: matureH.toString(),
        matureAtMs: timeMs + Number(matureH - height) * checkpointIntervalMs,
      })),
      ...(view?.frozen === undefined ? {} : {frozenUntilHeight: view.frozen.untilH.toString()}),
      lockedUctz: this.#locked().toString(),
      receivableUctz: marketplace.claimer.receivable().toString(),
      opsPending: ledger.status().opsPending,
      height: height.toString(),
      witnesses,
      evmAddress: this.#secrets.evmAddress,
    };
  }

  /** In open locks and offers of ours, whoever opened them, without what payees have drawn: its rounding burns. */
  #locked(): bigint {
    const {ledger, identity} = this.#components;
    const state = ledger.certifiedState();
    const isOwn = ({payer, isClosed}: LockCell | SaleCell) => payer === identity.account && !isClosed;
    const locks = [...state.locks()].filter(isOwn).map(({spec, drawn}) => spec.amount - drawn);
    const offers = [...state.sales()].filter((sale) => isOwn(sale) && sale.spec.gives.asset === undefined);
    return [...locks, ...offers.map(balanceOf)].reduce((sum, amount) => sum + amount, 0n);
  }

  async send(to: AccountId, amount: bigint, memo: string): Promise<OpView> {
    if (!isCellId(to)) throw new CodedError("ACCOUNT_UNKNOWN");
    if (amount <= 0n) throw new CodedError("AMOUNT_INVALID", {message: "The amount must be above zero."});
    // Memos are public for ever: only their hash goes on the ledger.
    const memoHash = memo === "" ? ZERO_HASH : hashHex(utf8(memo));
    return await this.#submit({kind: "transfer", outputs: [{to, amount}], memo: memoHash});
  }

  async stake(stake: StakeKind, amount: bigint): Promise<OpView> {
    if (amount <= 0n) throw new CodedError("AMOUNT_INVALID", {message: "The amount must be above zero."});
    return await this.#submit({kind: "stake", stake, amount});
  }

  async unstake(stake: StakeKind, amount: bigint): Promise<OpView> {
    if (amount <= 0n) throw new CodedError("AMOUNT_INVALID", {message: "The amount must be above zero."});
    return await this.#submit({kind: "unstake", stake, amount});
  }

  async #submit(payload: Payload): Promise<OpView> {
    const {ledger, identity} = this.#components;
    return opView(await ledger.submit(identity.account, payload), ledger);
  }

  async history(limit: number): Promise<readonly HistoryItem[]> {
    const {ledger, identity} = this.#components;
    const entries = await ledger.historyOf(identity.account, {limit});
    return await Promise.all(
      entries.map(async (entry) => ({
        atMs: entry.atMs,
        kind: entry.kind,
        amountUctz: entry.delta.toString(),
        feeUctz: entry.fee.toString(),
        ...(entry.stakeBurned === 0n ? {} : {stakeBurnedUctz: entry.stakeBurned.toString()}),
        ...(entry.units === undefined
          ? {}
          : {assetId: entry.units.asset, units: entry.units.delta.toString()}),
        ...(entry.reason === undefined ? {} : {reason: entry.reason}),
        ...(entry.counterparty === undefined ? {} : {counterparty: entry.counterparty}),
        opId: entry.opId,
        ...(entry.lockId === undefined ? {} : {lockId: entry.lockId}),
        grade: (await ledger.grade(entry.opId)) ?? "certified",
        height: entry.height.toString(),
      })),
    );
  }

  async backup(path: string): Promise<BackupView> {
    const {identity} = this.#components;
    const bytes = await exportBackup(
      {keys: this.#secrets.keys, exitProofs: new Uint8Array()},
      this.#secrets.passphrase,
    );
    try {
      await writeFile(path, bytes, {mode: 0o600, flag: "wx", flush: true});
    } catch (cause) {
      const {code} = cause as NodeJS.ErrnoException;
      const why = code === "EEXIST" ? "it exists already" : `the system says ${code ?? "no"}`;
      throw new CodedError("REQUEST_INVALID", {message: `Cannot write ${path}: ${why}.`, cause});
    }
    return {path, bytes: bytes.length, account: identity.account};
  }
}

export class LedgerDoor implements LedgerFacade {
  readonly #components: MoneyComponents;

  constructor(components: MoneyComponents) {
    this.#components = components;
  }

  async show(): Promise<LedgerView> {
    const {ledger, chain} = this.#components;
    const status = ledger.status();
    const state = ledger.checkpointedState();
    const {totals} = state;
    return {
      network: ledger.genesisHash.slice(0, 8),
      genesisHash: ledger.genesisHash,
      height: status.height.toString(),
      epoch: status.epoch,
      stateRoot: status.stateRoot,
      isWitness: status.isWitness,
      isRecovering: status.isRecovering || status.isBehind,
      witnesses: witnessViews(this.#components),
      accounts: [...state.accounts()].length,
      locksOpen: [...state.locks()].filter(({isClosed}) => !isClosed).length,
      opsPending: status.opsPending,
      supplyUctz: (totals.deposited + totals.minted - totals.burned - totals.withdrawn).toString(),
      burnedUctz: totals.burned.toString(),
      ...(chain === undefined ? {} : {chain: await chain.view()}),
    };
  }

  async balances(): Promise<BalanceList> {
    const {ledger} = this.#components;
    const state = ledger.checkpointedState();
    const notes = new Map(ledger.genesis.accounts.map(({id, note}) => [id, note]));
    const balances = [...state.accounts()].map((cell) => {
      const label = notes.get(cell.id);
      return {
        account: cell.id,
        balanceUctz: balanceOf(cell).toString(),
        stakedUctz: stakeOf(cell).toString(),
        ...(label === undefined ? {} : {label}),
      };
    });
    balances.sort((left, right) => (left.account < right.account ? -1 : 1));
    return {height: ledger.checkpoint().height.toString(), balances};
  }

  async cells(id: CellId): Promise<CellsView> {
    const {ledger, vouchers, identity} = this.#components;
    return cellsView(id, {ledger, vouchers, account: identity.account});
  }

  async history(id: CellId, limit: number): Promise<CellOpList> {
    const {ledger, vouchers, identity} = this.#components;
    return await cellHistoryView(id, limit, {ledger, vouchers, account: identity.account});
  }

  async proof(account: AccountId): Promise<BalanceProofView> {
    const {ledger} = this.#components;
    const proof = await ledger.proofOf({kind: "account", id: account});
    return {
      account,
      height: proof.final.checkpoint.height.toString(),
      genesisHash: ledger.genesisHash,
      proof: Buffer.from(encodeBalanceProof(proof)).toString("base64"),
    };
  }

  async opProof(id: OpId): Promise<OpProofView> {
    const {ledger} = this.#components;
    const proof = encodeOpProof(await ledger.opProofOf(id));
    return {opId: id, genesisHash: ledger.genesisHash, proof: Buffer.from(proof).toString("base64")};
  }

  async verify(): Promise<LedgerReport> {
    const report = await this.#components.ledger.verify();
    const {totals} = report;
    return {
      ok: report.ok,
      height: report.height.toString(),
      stateRoot: report.stateRoot,
      supplyUctz: (totals.deposited + totals.minted - totals.burned - totals.withdrawn).toString(),
      balancesUctz: totals.accounts.toString(),
      lockedUctz: totals.locks.toString(),
      stakedUctz: totals.stake.toString(),
      burnedUctz: totals.burned.toString(),
      withdrawnUctz: totals.withdrawn.toString(),
      checks: report.checks.map((check) => ({...check})),
    };
  }

  export(): AsyncIterable<Uint8Array> {
    return this.#components.ledger.export();
  }

  async checkpoints(limit: number): Promise<readonly CheckpointView[]> {
    const {ledger, chain} = this.#components;
    const found = await ledger.checkpoints({limit});
    return await Promise.all(
      found.map(async ({checkpoint, hash, signatures}) => {
        const {height, epoch, stateRoot, isLastOfEpoch, timeMs} = checkpoint;
        const anchor = isLastOfEpoch ? await chain?.anchorOf(epoch) : undefined;
        return {
          ...{epoch, hash, stateRoot, isLastOfEpoch},
          height: height.toString(),
          signatures: signatures.length,
          atMs: Number(timeMs),
          // Our own root beside the one that the contract holds: equal, or something is very wrong.
          ...(anchor === undefined ? {} : {anchor: {...anchor, root: stateRoot}}),
        };
      }),
    );
  }
}
