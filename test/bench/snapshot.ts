/**
 * A snapshot of 100,000 cells: made, verified and loaded, against the tree built from the same cells with
 * nothing verified, in alternating rounds of one run: only the ratios mean anything on a shared machine.
 */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join as joinPath} from "node:path";
import {performance} from "node:perf_hooks";
import {setTimeout as sleep} from "node:timers/promises";
import "@catalyze/core/primitives/polyfill";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {sha256} from "@catalyze/core/crypto/sha256";
import {type Cell, emptyAccount, NO_TOTALS, type Totals} from "@catalyze/core/ledger/cell";
import {type Checkpoint, checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {GENESIS_DEPOSIT_CURSOR, genesisCheckpoint} from "@catalyze/core/ledger/genesisState";
import {genesisGovernance} from "@catalyze/core/ledger/governance";
import {governanceHash} from "@catalyze/core/ledger/governanceCodec";
import {makeSnapshot, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {genesisRegister, NO_REGISTER} from "@catalyze/core/ledger/register";
import {registerHash} from "@catalyze/core/ledger/registerCodec";
import {decodeSnapshotChunk, type SnapshotHead} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import {LedgerState} from "@catalyze/core/ledger/state";
import {beginningWrites, KEY} from "@catalyze/core/ledger/storeKeys";
import {EMPTY_WITHDRAWAL_ROOT} from "@catalyze/core/ledger/withdrawals";
import type {Log} from "@catalyze/core/ports/log";
import type {Store} from "@catalyze/core/ports/store";
import {fromHex, toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, Hash, PeerId} from "@catalyze/core/primitives/id";
import {createSigner, openVerifier} from "@catalyze/daemon/identity/signatures";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {LedgerNode} from "@catalyze/daemon/ledger/ledgerNode";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {atMost, type Bench, figure, median, type Part} from "./bar.ts";

const SILENT: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT};
const CELLS = 100_000;
const ROUNDS = 7;
const JOINS = 3;
/** What the plan asks of step 6. */
const JOIN_MS = 10_000;
const VOTE = createSigner(sha256(utf8("vote")));
const OWNER = createSigner(sha256(utf8("owner")));
const {verifier} = openVerifier(SILENT);
const NOBODY = "0".repeat(64) as Hash;

const cells: Part = {
  name: "100k-cells",
  what: `${CELLS} cells made, verified and loaded against the same tree with nothing verified`,
  async run(report) {
    const all = Array.from({length: CELLS}, (_, at) => accountAt(at));
    const totals = {...NO_TOTALS, accounts: BigInt(CELLS), deposited: BigInt(CELLS)};
    const times = {make: [], longest: [], take: [], finish: [], tree: []} satisfies Record<string, number[]>;
    const rows: Record<keyof typeof times, number[]> = times;
    let bytes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const state = LedgerState.load({
        ...{cells: all, totals, withdrawals: [], register: NO_REGISTER},
        governance: genesisGovernance({params: PARAMS_DEMO}),
      });
      rows.tree.push(timed(() => state.tree().root()).ms);
      const made = make(state);
      rows.make.push(made.ms);
      rows.longest.push(made.longestMs);
      bytes = made.chunks.reduce((sum, {length}) => sum + length, 0);
      const builder = new SnapshotBuilder(made.head);
      const take = timed(() => {
        for (const [index, chunk] of made.chunks.entries()) builder.take(index, decodeSnapshotChunk(chunk));
      });
      rows.take.push(take.ms);
      rows.finish.push(timed(() => builder.finish()).ms);
    }
    const tree = median(rows.tree);
    const ratio = (...kinds: (keyof typeof rows)[]) =>
      median(
        rows.tree.map((ms, round) => kinds.reduce((sum, kind) => sum + (rows[kind][round] ?? 0), 0) / ms),
      );
    report(figure("snapshot/tree-unverified", tree, "ms"));
    report(figure("snapshot/make", median(rows.make), "ms", ratio("make")));
    report(figure("snapshot/longest-step", median(rows.longest), "ms"));
    report(figure("snapshot/verify", median(rows.take), "ms", ratio("take")));
    report(figure("snapshot/load", median(rows.finish), "ms", ratio("finish")));
    report(
      figure(
        "snapshot/verify-and-load",
        median(rows.take) + median(rows.finish),
        "ms",
        ratio("take", "finish"),
      ),
    );
    report(figure("snapshot/size", bytes / 1024 ** 2, "MiB"));
  },
};

const join: Part = {
  name: "join",
  what: `a node with nothing reaches ${CELLS} cells of a witness over loopback libp2p, both on disk`,
  async run(report) {
    const times: number[] = [];
    for (let round = 0; round < JOINS; round++) times.push(await joinOnce());
    report(atMost("snapshot/join", median(times), JOIN_MS, "ms"));
  },
};

export const snapshot: Bench = {
  what: "a state made, verified and loaded as a snapshot",
  parts: [cells, join],
};

/** From the start of the follower's ledger until it stands at a checkpoint of its own. */
async function joinOnce(): Promise<number> {
  const home = await mkdtemp(joinPath(tmpdir(), "ctz-bench-join-"));
  const [witness, follower] = [await openHome(home, 0), await openHome(home, 1)];
  const genesis = genesisOf(witness.net.self);
  const nodes = [ledgerOf(witness, genesis), ledgerOf(follower, genesis)] as const;
  try {
    await beginAt(witness.store, genesis);
    await nodes[0].start();
    await Promise.all([witness.net.start(), follower.net.start()]);
    // It makes the one that its store lacks.
    await until(async () => (await witness.store.range(KEY.snapshotHeads, {limit: 1})).length > 0);
    await follower.net.dial(witness.net.addresses()[0]!);
    const startMs = performance.now();
    await nodes[1].start();
    await until(async () => nodes[1].head().height > 0n);
    return performance.now() - startMs;
  } finally {
    for (const node of nodes) await node.stop();
    for (const {net, store, logs} of [witness, follower]) {
      await net.stop();
      await Promise.all([...logs.map((log) => log.close()), store.close()]);
    }
    await rm(home, {recursive: true, force: true});
  }
}

type Timed<T> = {readonly ms: number; readonly value: T};

function timed<T>(work: () => T): Timed<T> {
  const startMs = performance.now();
  const value = work();
  return {ms: performance.now() - startMs, value};
}

/** Also the longest time between two steps: how long an event loop would stand still. */
function make(state: LedgerState): {head: SnapshotHead; chunks: Uint8Array[]; ms: number; longestMs: number} {
  const chunks: Uint8Array[] = [];
  let longestMs = 0;
  const startMs = performance.now();
  const source = timed(() => makeSnapshot(snapshotSource(state, finalOf(state))));
  longestMs = source.ms;
  for (;;) {
    const step = timed(() => source.value.next());
    longestMs = Math.max(longestMs, step.ms);
    if (step.value.done === true)
      return {head: step.value.value, chunks, ms: performance.now() - startMs, longestMs};
    if (step.value.value !== undefined) chunks.push(step.value.value.chunk);
  }
}

function accountAt(at: number): Cell {
  return {...emptyAccount(toHex(sha256(utf8(`account ${at}`))) as AccountId), in: 1n};
}

function finalOf(state: LedgerState) {
  const totals: Totals = state.totals;
  const checkpoint: Checkpoint = {
    ...{network: 0, epoch: 1, height: 720n, parent: NOBODY, heads: [], timeMs: 0, totals},
    depositCursor: GENESIS_DEPOSIT_CURSOR,
    stateRoot: toHex(state.tree().root()) as Hash,
    withdrawalRoot: toHex(EMPTY_WITHDRAWAL_ROOT) as Hash,
    ...{
      paramsHash: governanceHash(state.governance),
      nextCommitteeHash: registerHash(state.register),
      isLastOfEpoch: true,
    },
  };
  return {checkpoint, hash: checkpointHash(checkpoint), iteration: 1, signatures: []};
}

type Home = Awaited<ReturnType<typeof openHome>>;

async function openHome(folder: string, index: number) {
  const [clock, random] = [new SystemClock(), new SystemRandom()];
  const listen = ["/ip4/127.0.0.1/tcp/0"];
  const net = await Libp2pNet.create(
    {clock, random, log: SILENT},
    {seed: sha256(utf8(`peer ${index}`)), networkTag: "00000000", listen, bootstrap: [], mdns: false},
  );
  const store = await LevelStore.open(joinPath(folder, `db${index}`));
  const [signingTable, outboxLog] = await Promise.all(
    (["signing", "outbox"] as const).map((name) => FileLog.open(joinPath(folder, `${name}${index}`))),
  );
  if (signingTable === undefined || outboxLog === undefined) throw new Error("no log");
  return {index, clock, random, net, store, signingTable, outboxLog, logs: [signingTable, outboxLog]};
}

function ledgerOf({index, logs: _, ...ports}: Home, genesis: Genesis): LedgerNode {
  const components = {...ports, log: SILENT, metrics: NO_METRICS, verifier, accountSigner: OWNER};
  return new LedgerNode({...components, voteSigner: index === 0 ? VOTE : undefined}, {genesis});
}

function genesisOf(peerId: PeerId): Genesis {
  const account = accountIdOf(OWNER.publicKey);
  const evmAddress = "1".padStart(40, "0");
  return {
    v: 1,
    name: "bench",
    accounts: [{id: account, balance: 1n}],
    witnesses: [{peerId, voteKey: toHex(VOTE.publicKey), evmAddress, weight: 1, account}],
    params: {...PARAMS_DEMO, checkpointsPerEpoch: 20},
    aliases: {},
  };
}

/** The store of the one witness, as if its network had come to this state. */
async function beginAt(store: Store, genesis: Genesis): Promise<void> {
  const cells = Array.from({length: CELLS}, (_, at) => accountAt(at));
  const totals = {...NO_TOTALS, accounts: BigInt(CELLS), deposited: BigInt(CELLS)};
  const owner = {...emptyAccount(accountIdOf(OWNER.publicKey)), in: 1n};
  const state = LedgerState.load({
    cells: [...cells, owner],
    totals: {...totals, accounts: totals.accounts + 1n, deposited: totals.deposited + 1n},
    withdrawals: [],
    register: genesisRegister(genesis),
    governance: genesisGovernance(genesis),
  });
  const [hash, height] = [genesisHash(genesis), 100n];
  const checkpoint = {...genesisCheckpoint(genesis, state), network: networkIdOf(hash), height, epoch: 5};
  const vote = {
    kind: "finalize",
    height,
    iteration: 1,
    hash: checkpointHash(checkpoint),
    witness: 0,
  } as const;
  const {signature} = signVote(vote, VOTE, fromHex(hash));
  const final = {checkpoint, hash: vote.hash, iteration: 1, signatures: [{witness: 0, signature}]};
  await store.write(beginningWrites(state, final, {covered: [], handovers: []}), {sync: true});
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 120_000;
  while (!(await isDone())) {
    if (performance.now() > endMs) throw new Error("not within two minutes");
    await sleep(5);
  }
}
