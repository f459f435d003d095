/**
 * A snapshot of 100,000 cells: made, verified and loaded, against the tree built from the same cells with
 * nothing verified, in alternating rounds of one run: only the ratios mean anything on a shared machine.
 */
import {performance} from "node:perf_hooks";
import "@catalyze/core/primitives/polyfill";
import {sha256} from "@catalyze/core/crypto/sha256";
import {type Cell, emptyAccount, NO_TOTALS, type Totals} from "@catalyze/core/ledger/cell";
import {type Checkpoint, checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {GENESIS_DEPOSIT_CURSOR} from "@catalyze/core/ledger/genesisState";
import {makeSnapshot, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {decodeSnapshotChunk, type SnapshotHead} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import {LedgerState} from "@catalyze/core/ledger/state";
import {EMPTY_WITHDRAWAL_ROOT} from "@catalyze/core/ledger/withdrawals";
import {toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, Hash} from "@catalyze/core/primitives/id";
import {type Bench, figure, median, type Part} from "./bar.ts";

const CELLS = 100_000;
const ROUNDS = 7;
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
      const state = LedgerState.load({cells: all, totals, withdrawals: []});
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

export const snapshot: Bench = {what: "a state made, verified and loaded as a snapshot", parts: [cells]};

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
    ...{paramsHash: NOBODY, nextCommitteeHash: NOBODY, isLastOfEpoch: true},
  };
  return {checkpoint, hash: checkpointHash(checkpoint), iteration: 1, signatures: []};
}
