/**
 * `npm run scaling -- [--seed N] [--witnesses 4,7] [--links near,wide,far] [--seconds N] [--accounts 1000]`: figures of docs/scaling.md from
 * simulated networks. Time is virtual and computing takes none of it, so latencies are those of the protocol and
 * the wires, whatever this machine is; bytes are those that would go over wires.
 */

import {createHash} from "node:crypto";
import {parseArgs} from "node:util";
import {encodeCell} from "@catalyze/core/ledger/cellCodec";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import type {AccountId} from "@catalyze/core/primitives/id";
import {CHEAP_CRYPTO} from "../market/simKeys.ts";
import {SimLedger, type SimLedgerSetup} from "./simLedger.ts";

/** One way. Within a region, and around the world. */
const LINKS = {near: [1, 10], wide: [20, 150], far: [20, 300]} as const;
/** Witnesses that start ask a quorum, one after the other, what they signed before: 15 of 21 take their time. */
const WARM_MS = 8_000;
const CALM_MS = 3_000;
const OWNERS = 12;

type Watched = {
  readonly certifiedMs: number[];
  readonly everywhereMs: number[];
  readonly intervalsMs: number[];
  readonly sim: SimLedger;
};

async function watch(setup: Omit<SimLedgerSetup, "trace">, runMs: number): Promise<Watched> {
  const [signed, seen] = [new Map<string, number>(), new Map<string, Set<string>>()];
  const [certifiedMs, everywhereMs, intervalsMs]: [number[], number[], number[]] = [[], [], []];
  let lastMs: number | undefined;
  let height = 0;
  const trace = (atMs: number, who: string, what: string) => {
    const op = /^signs \S+ (\S+) at/.exec(what)?.[1];
    if (op !== undefined && atMs >= WARM_MS) signed.set(op, atMs);
    for (const id of /^sees certified: (.*)/.exec(what)?.[1]?.split(" ") ?? []) {
      const since = signed.get(id);
      if (since === undefined) continue;
      const knowing = seen.get(id) ?? new Set<string>();
      seen.set(id, knowing.add(who));
      if (knowing.size === 1) certifiedMs.push(atMs - since);
      if (knowing.size === setup.witnesses) everywhereMs.push(atMs - since);
    }
    const adopted = Number(/^adopts checkpoint (\d+)/.exec(what)?.[1] ?? 0);
    if (adopted <= height) return;
    if (lastMs !== undefined && adopted === height + 1) intervalsMs.push(atMs - lastMs);
    [height, lastMs] = [adopted, atMs];
  };
  const sim = new SimLedger({...setup, trace});
  sim.startTimers();
  await sim.run({stormMs: WARM_MS + runMs, calmMs: CALM_MS});
  return {certifiedMs, everywhereMs, intervalsMs, sim};
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

type WitnessRuns = {
  readonly counts: readonly number[];
  readonly links: readonly string[];
  readonly seed: number;
  readonly runMs: number;
};

async function witnessLines({counts, links, seed, runMs}: WitnessRuns): Promise<void> {
  process.stdout.write(
    "| witnesses | one way, ms | certified ops | p50 · p99 until one knows, ms | p50 · p99 until all know, ms | checkpoint every, ms | sent an op, bytes | sent an op and witness, bytes | agreement a second and witness, bytes |\n|---|---|---|---|---|---|---|---|---|\n",
  );
  for (const witnesses of counts) {
    for (const [link, linkMs] of Object.entries(LINKS)) {
      if (!links.includes(link)) continue;
      const faults = {drop: 0, duplicate: 0, crash: 0};
      const parts = {crypto: CHEAP_CRYPTO, owners: OWNERS, equivocators: 0, followers: 0, faults};
      const {certifiedMs, everywhereMs, intervalsMs, sim} = await watch(
        {
          ...{...parts, seed, witnesses, linkMs, checkpointsPerEpoch: 1_000},
        },
        runMs,
      );
      const ops = sim.checks.certifiedOps;
      const {entry, consensus, checkpoint} = sim.sentBytes;
      const agreed = (consensus + checkpoint) / witnesses / ((WARM_MS + runMs + CALM_MS) / 1_000);
      const cells = [
        ...[witnesses, linkMs.join("–"), ops],
        ...[certifiedMs, everywhereMs].map(
          (all) => `${quantile(all, 0.5).toFixed(0)} · ${quantile(all, 0.99).toFixed(0)}`,
        ),
        ...[quantile(intervalsMs, 0.5), entry / ops, entry / ops / witnesses, agreed].map((each) =>
          each.toFixed(0),
        ),
      ];
      process.stdout.write(`| ${cells.join(" | ")} |\n`);
    }
  }
}

/** Accounts that hold something and have signed nothing. */
function stateLines(counts: readonly number[]): void {
  process.stdout.write(
    "\n| accounts | bytes of cells | bytes an account | heap, MiB | tree, ms |\n|---|---|---|---|---|\n",
  );
  for (const count of counts) {
    const accounts = Array.from({length: count}, (_, index) => ({
      id: createHash("sha256").update(`account ${index}`).digest("hex") as AccountId,
      balance: 1_000n,
    }));
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const state = genesisState({...new SimLedger(SMALL).genesis, accounts});
    const startMs = performance.now();
    state.tree().root();
    const treeMs = performance.now() - startMs;
    globalThis.gc?.();
    const heap = (process.memoryUsage().heapUsed - before) / 2 ** 20;
    let bytes = 0;
    for (const cell of state.accounts()) bytes += encodeCell(cell).length;
    process.stdout.write(
      `| ${count} | ${bytes} | ${(bytes / count).toFixed(0)} | ${heap.toFixed(1)} | ${treeMs.toFixed(0)} |\n`,
    );
  }
}

const SMALL: SimLedgerSetup = {
  ...{crypto: CHEAP_CRYPTO, seed: 1, witnesses: 1, followers: 0, owners: 1, equivocators: 0},
  faults: {drop: 0, duplicate: 0, crash: 0},
};

const numbers = (text: string) => text.split(",").map(Number);

export async function runScaling(args: readonly string[]): Promise<void> {
  const {values} = parseArgs({
    args: [...args],
    options: {
      seed: {type: "string", default: "1"},
      witnesses: {type: "string", default: "4,7,13,21"},
      links: {type: "string", default: Object.keys(LINKS).join()},
      seconds: {type: "string", default: "20"},
      accounts: {type: "string", default: "1000,10000,100000"},
    },
  });
  const [counts, links] = [numbers(values.witnesses), values.links.split(",")];
  const [seed, runMs] = [Number(values.seed), Number(values.seconds) * 1_000];
  await witnessLines({counts, links, seed, runMs});
  stateLines(numbers(values.accounts));
}
