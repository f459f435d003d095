/** Builds the parts of a ledger node around the replica that was restored, and ties them together. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {Committees} from "@catalyze/core/ledger/handover";
import type {Op} from "@catalyze/core/ledger/op";
import {pruneWindowH} from "@catalyze/core/ledger/pruning";
import {Replica} from "@catalyze/core/ledger/replica";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";
import {restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import {storedHandovers} from "@catalyze/core/ledger/storeKeys";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import type {ChecksAhead, SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import type {AppendLog, Store} from "@catalyze/core/ports/store";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import {AnchoredCell} from "./anchoredCell.ts";
import type {WalletView} from "./draftOp.ts";
import {EntriesTopic} from "./entriesTopic.ts";
import {EvidenceReporter} from "./evidenceReporter.ts";
import {type Push, type PushAll, pushAhead, pushOne} from "./inputsAhead.ts";
import {InvariantWatch} from "./invariantWatch.ts";
import {LedgerAnswers} from "./ledgerAnswers.ts";
import {LedgerEffects} from "./ledgerEffects.ts";
import type {LedgerEvents} from "./ledgerEvents.ts";
import type {LedgerMetrics} from "./ledgerMetrics.ts";
import {LedgerProtocol} from "./ledgerProtocol.ts";
import {LedgerSync} from "./ledgerSync.ts";
import {LogPruner} from "./logPruner.ts";
import {OpGrades} from "./opGrades.ts";
import {OpHistory} from "./opHistory.ts";
import {OpSender} from "./opSender.ts";
import {Outbox} from "./outbox.ts";
import {BUDGETS, PeerBudgets} from "./peerBudgets.ts";
import {PendingAnswers} from "./pendingAnswers.ts";
import {PendingSync} from "./pendingSync.ts";
import {ReplicaDriver} from "./replicaDriver.ts";
import {SlowChecks} from "./slowChecks.ts";
import {type Beginning, SnapshotJoin} from "./snapshotJoin.ts";
import {SnapshotShelf} from "./snapshotShelf.ts";
import {Wallet} from "./wallet.ts";
import {agreedHead, isOwnCell, isPaid, isSettled, walletView} from "./walletView.ts";
import {WitnessPeers} from "./witnessPeers.ts";
import {WitnessPushes} from "./witnessPushes.ts";

export type LedgerNodeComponents = {
  readonly net: Net;
  readonly store: Store;
  /** What this witness has signed; nothing else is ever written to it. */
  readonly signingTable: AppendLog;
  readonly outboxLog: AppendLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly verifier: SignatureVerifier;
  /** Of the same verifier. Absent: everything is checked when it is taken. */
  readonly checks?: ChecksAhead;
  readonly accountSigner: Signer;
  /** Votes in the epochs whose committee has a member of this key. */
  readonly voteSigner: Signer | undefined;
};

export type LedgerNodeOptions = {
  readonly genesis: Genesis;
  /** A home restored from a backup: see `recovery.ts`. */
  readonly isRecovering?: boolean;
  readonly onRecovered?: () => void;
  /** How long `submit` waits for a certificate. */
  readonly submitTimeoutMs?: number;
  /** Accounts whose history is kept, besides the own one. */
  readonly historyAccounts?: readonly AccountId[];
  /** Replays every entry since the genesis and forgets none, so that this node has the whole history. */
  readonly isArchive?: boolean;
  readonly budgets?: typeof BUDGETS;
};

const SUBMIT_TIMEOUT_MS = 10_000;

export type LedgerParts = {
  readonly replica: LedgerReplica;
  readonly driver: ReplicaDriver;
  readonly outbox: Outbox;
  readonly wallet: Wallet;
  readonly sender: OpSender;
  readonly sync: LedgerSync;
  readonly protocol: LedgerProtocol;
  readonly topic: EntriesTopic;
  readonly history: OpHistory;
  readonly grades: OpGrades;
  readonly anchoredCell: AnchoredCell;
  readonly pushes: WitnessPushes;
  readonly shelf: SnapshotShelf;
  readonly pruner: LogPruner;
  readonly reporter: EvidenceReporter;
  readonly witnesses: WitnessPeers;
  readonly committees: Committees;
  readonly watch: InvariantWatch;
};

/** What the parts share before any of them is there. */
type Base = {
  readonly components: LedgerNodeComponents;
  readonly options: LedgerNodeOptions;
  readonly events: LedgerEvents;
  readonly begin: (beginning: Beginning) => void;
  readonly replica: LedgerReplica;
  readonly account: AccountId;
  readonly witnesses: WitnessPeers;
  readonly budgets: PeerBudgets;
  readonly view: WalletView;
  readonly push: Push;
  readonly pushAll: PushAll;
  readonly written: ReplicaDriver["written"];
};

type Records = Pick<LedgerParts, "grades" | "history" | "outbox" | "anchoredCell">;
type Talk = Pick<LedgerParts, "topic" | "sync" | "pushes" | "protocol" | "shelf" | "pruner">;

export async function openLedger(
  components: LedgerNodeComponents,
  options: LedgerNodeOptions,
  {events, begin}: Pick<Base, "events" | "begin">,
): Promise<LedgerParts> {
  const {net, store, signingTable, clock, log, metrics} = components;
  const slow = new SlowChecks(components.verifier);
  const base = await openBase(components, options, {
    ...{events, begin},
    verifier: slow,
    pushAll: (inputs) => pushAll(inputs),
    written: () => driver.written(),
  });
  const {replica, account, budgets, witnesses} = base;
  const records = await openRecords(base);
  const talk = await openTalk(base);
  const {wallet, sender} = openWallet(base, records.outbox);
  const committees = new Committees(options.genesis, await storedHandovers(store));
  const reporter = new EvidenceReporter({
    ...{clock, random: components.random, log},
    isOfUse: (proof) => replica.isOfUse(proof),
    submit: (proof) => wallet.submit(account, {kind: "evidence", proof}),
    checkpointIntervalMs: () => replica.params.checkpointIntervalMs,
  });
  const watch = new InvariantWatch({metrics, log, base: () => replica.base});
  const effects = new LedgerEffects({
    ...{net, clock, log, metrics, budgets, events, wallet, sender, reporter, committees, watch},
    ...records,
    ...talk,
    op: (id) => replica.op(id),
    isOwn: (op) => isOwnCell(op, account, replica),
    height: () => replica.checkpoint.height,
    agreed: (id) => agreedHead(replica.base, id),
    isPaid: ({body}) => isPaid(body, replica),
    takeSlowChecks: () => slow.take(),
  });
  const driver: ReplicaDriver = new ReplicaDriver(
    {replica, store, signingTable, clock, log, metrics},
    {
      refusal: (input) => effects.refusal(input),
      also(each, input) {
        talk.shelf.onEffects(each);
        return effects.also(each, input);
      },
      perform: (effect) => effects.perform(effect),
      degraded: (failure) => events.degraded.emit(failure),
    },
  );
  const pushAll = pushAhead(
    {
      checks: components.checks,
      genesis: options.genesis,
      replica,
      refusal: (input) => effects.refusal(input),
    },
    (inputs) => driver.pushAll(inputs),
  );
  return {replica, driver, wallet, sender, reporter, witnesses, committees, watch, ...records, ...talk};
}

async function openBase(
  components: LedgerNodeComponents,
  options: LedgerNodeOptions,
  given: Pick<Base, "events" | "begin" | "pushAll" | "written"> & {readonly verifier: SignatureVerifier},
): Promise<Base> {
  const {net, store, signingTable, clock, accountSigner, voteSigner} = components;
  const {genesis, budgets: rates = BUDGETS} = options;
  const {verifier, events, begin, pushAll, written} = given;
  const signed = await signingTable.read();
  const restored = await restoreReplica({genesis, store, signed});
  // A restored home into which the table was imported has forgotten nothing.
  const hasForgotten = options.isRecovering === true && signed.length === 0;
  const replica = new Replica({genesis, verifier, voteSigner, hasForgotten}, restored);
  const witnesses = new WitnessPeers(() => replica.base.register, net.self);
  return {
    ...{components, options, events, begin, pushAll, push: pushOne(pushAll), written, replica, witnesses},
    account: accountIdOf(accountSigner.publicKey),
    budgets: new PeerBudgets(
      clock,
      (peer) => (witnesses.isMember(peer) ? rates.witness : rates.other),
      (peer) => (witnesses.isMember(peer) ? undefined : net.hostOf(peer)),
    ),
    view: walletView(replica),
  };
}

async function openRecords({components, options, replica, account, view}: Base): Promise<Records> {
  const {store, outboxLog} = components;
  const grades = new OpGrades(store);
  const history = new OpHistory({
    store,
    lock: (id) => replica.view.lock(id),
    locks: () => replica.view.locks(),
    agreed: () => replica.base,
    account: (id) => replica.base.account(id),
  });
  const outbox = new Outbox({store, log: outboxLog});
  await grades.start();
  await history.start([account, ...(options.historyAccounts ?? [])]);
  await outbox.start((op) => isSettled(op, view));
  const anchoredCell = new AnchoredCell(store, account, replica.base.account(account));
  return {grades, history, outbox, anchoredCell};
}

async function openTalk(base: Base): Promise<Talk> {
  const {components, options, events, begin, budgets, push, pushAll, witnesses} = base;
  const {net, store, clock, random, log, metrics, verifier} = components;
  const {replica, written} = base;
  const isWitness = (peer: PeerId) => witnesses.isMember(peer);
  const {genesis, isArchive = false} = options;
  const join = new SnapshotJoin(
    {
      ...{net, clock, random, log, verifier, begin},
      height: () => replica.checkpoint.height,
      // A witness replays, as far as it can: what it signed should be known to it.
      isWitness: () => replica.seat !== undefined,
    },
    {genesis, isArchive},
  );
  const {params} = genesis;
  const pruner = new LogPruner({store, clock, log, metrics, params});
  const shelf = new SnapshotShelf({
    ...{genesis, store, clock, log, replica},
    isBehind: () => sync.isBehind,
    windowH: () => (isArchive ? undefined : pruneWindowH(replica.base.governance)),
    started: (start) => pruner.started(start),
  });
  await shelf.start();
  const answers = new LedgerAnswers({replica, store, shelf, written, random});
  const pending = new PendingSync({net, clock, random, log, metrics, budgets, replica, push});
  const sync: LedgerSync = new LedgerSync({
    ...{net, clock, random, log, metrics, pushAll, isWitness},
    isAsking: () => replica.isSilent,
    testimony: (reply, peer) => answers.testimony(reply, peer),
    join: (signal) => join.run(signal),
    refused: () => join.refused(),
    reconcile: (peer, signal) => pending.run(peer, signal),
    request: (isFromCheckpoint) => answers.request(isFromCheckpoint),
    progress: () => answers.progress(),
    isBehind: (reply) => answers.isBehind(reply),
  });
  const protocol = new LedgerProtocol({
    ...{net, budgets, pushAll, push, isWitness},
    answer: (request) => answers.answer(request),
    pending: new PendingAnswers(replica),
    anchorSignature: (bytes, from) => events.anchorSignature.emit(bytes, from),
  });
  const pushes = new WitnessPushes({net, clock}, witnesses);
  const topic = new EntriesTopic({net, budgets, push, isMember: () => replica.isMember});
  return {sync, protocol, pushes, shelf, pruner, topic};
}

function openWallet(base: Base, outbox: Outbox): Pick<LedgerParts, "wallet" | "sender"> {
  const {net, clock, random, metrics, accountSigner} = base.components;
  const {genesis, submitTimeoutMs = SUBMIT_TIMEOUT_MS} = base.options;
  const {view, push, witnesses, replica} = base;
  const hash = genesisHash(genesis);
  const deliver = (op: Op) => push({kind: "op", bytes: op.bytes, from: undefined});
  const wallet: Wallet = new Wallet(
    {outbox, signer: accountSigner, clock, metrics, view, deliver, send: (op) => sender.send(op)},
    {
      network: networkIdOf(hash),
      genesisHash: fromHex(hash),
      timeoutMs: submitTimeoutMs,
    },
  );
  const sender: OpSender = new OpSender({
    ...{net, clock, random, witnesses},
    isSelfWitness: () => replica.isMember,
    pending: () => outbox.pending(),
    deliver(op) {
      // What the own replica refuses now it may take later; the sender's timer asks again.
      deliver(op).catch(() => undefined);
    },
    refused: (op, code) => wallet.refused(op.id, code),
  });
  return {wallet, sender};
}
