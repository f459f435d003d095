/** The lives that a simulated ledger is put through, by name: what tests run and `npm run sim` shows. */
import {CHEAP_CRYPTO} from "../market/simKeys.ts";
import {mixed} from "./mixed.ts";
import type {SimLedgerSetup} from "./simLedger.ts";

const BASE = {crypto: CHEAP_CRYPTO, owners: 5, equivocators: 0, followers: 1};
const CALM = {drop: 0, duplicate: 0, crash: 0};
const STORM = {drop: 0.08, duplicate: 0.08, crash: 0.003};

export const STORM_MS = 8_000;
export const CALM_MS = 12_000;

export const SCENARIOS = {
  /** Nothing goes wrong. */
  calm: (seed: number) => ({...BASE, seed, witnesses: 4, faults: CALM}),
  /** A committee of one that crashes at any effect. */
  one: (seed: number) => ({...BASE, seed, witnesses: 1, faults: STORM}),
  /** Four witnesses: drops, duplicates, delays, crashes, and an owner who signs two ops for one slot. */
  storm: (seed: number) => ({...BASE, seed, witnesses: 4, equivocators: 1, faults: STORM}),
  /** One of four never says a word. */
  silent: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, silent: seed % 4, equivocators: 1},
    faults: {...STORM, crash: 0},
  }),
  /** One of four forks its log and votes twice; nobody else may be away for long. */
  forking: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, twin: seed % 4, equivocators: 1},
    faults: {...STORM, crash: 0.001},
  }),
  /** One of four keeps no rule, owners try what must never count, clocks differ, some hear only half. */
  hostile: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, equivocators: 1, tricks: 10, skewMaxMs: 150},
    faults: {...STORM, crash: 0, oneWay: 0.1},
  }),
  /** Payments rest on payments that have only just been certified; nodes crash, and some lose their database. */
  poor: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, owners: 7, equivocators: 1, tricks: 6, arePoor: true},
    faults: {...STORM, oneWay: 0.1, wipe: 0.3},
  }),
  /** A network of one that others join, leave and join again, with stakes that move; nodes crash. */
  changing: (seed: number) => ({
    ...{...BASE, seed, witnesses: 1, stewards: 4, equivocators: 1, joiners: 1, stormMs: 20_000},
    faults: {...STORM, crash: 0.001, wipe: 0.2},
  }),
  /** Crashes take witnesses back to an old copy of their home, signing table and all, or to nothing. */
  forgetting: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, equivocators: 1, stormMs: 16_000, calmMs: 20_000},
    faults: {...STORM, crash: 0.002, restore: 0.7},
  }),
  /** The same beside one that keeps no rule and lies about their logs. */
  forgettingHostile: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, equivocators: 1, tricks: 10, stormMs: 16_000},
    ...{calmMs: 20_000, faults: {...STORM, crash: 0.0003, restore: 1}},
  }),
  /** Owners vote fees and paces up and down and pay out of the treasury; nodes crash, followers begin anew. */
  governed: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, citizens: 4, equivocators: 1, joiners: 1, tricks: 4, stormMs: 20_000},
    faults: {...STORM, crash: 0.001, wipe: 0.2},
  }),
  /** Bounties and bonds, whose judges pay, judge twice, or say nothing, while nodes crash. */
  judged: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, patrons: 6, equivocators: 1, tricks: 4, checkpointsPerEpoch: 6},
    ...{stormMs: 12_000, calmMs: 18_000, faults: {...STORM, crash: 0.001, wipe: 0.2}},
  }),
  /** The same while one of four keeps no rule, and followers begin with snapshots. */
  judgedHostile: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, patrons: 6, equivocators: 1, tricks: 8, joiners: 1},
    ...{checkpointsPerEpoch: 6, stormMs: 12_000, calmMs: 18_000, faults: {...STORM, crash: 0, oneWay: 0.1}},
  }),
  /** Followers begin with snapshots in a storm, again and again. */
  joining: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, equivocators: 1, joiners: 2},
    faults: {...STORM, wipe: 0.2},
  }),
  /** The same while one of four forks its log, */
  joiningForks: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, twin: seed % 4, equivocators: 1, joiners: 2},
    faults: {...STORM, crash: 0.001},
  }),
  /** and while one keeps no rule. */
  joiningHostile: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, equivocators: 1, tricks: 10, joiners: 2},
    faults: {...STORM, crash: 0},
  }),
  /** Nodes forget what is older than a few seconds while they crash, lose their database, and join late. */
  pruning: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, equivocators: 1, joiners: 1, owners: 8, logsS: 8, stormMs: 25_000},
    faults: {drop: 0.02, duplicate: 0.02, crash: 0.0006, wipe: 0.4},
  }),
  /** The same while one of four forks its log: what was pruned must not hide it. */
  pruningForks: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, twin: seed % 4, equivocators: 1, joiners: 1, owners: 8, logsS: 8},
    ...{stormMs: 30_000, faults: {drop: 0.02, duplicate: 0.02, crash: 0.0006}},
  }),
  /** One of four links to entries of long ago, while nodes restart and followers begin with snapshots. */
  deep: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, linksDeep: true, joiners: 1, owners: 20},
    ...{stormMs: 20_000, faults: {...CALM, crash: 0.0006}},
  }),
  /** The same in a storm, with logs that are pruned; witnesses stay up. */
  deepStorm: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, linksDeep: true, joiners: 1, owners: 20, logsS: 6},
    ...{stormMs: 25_000, faults: {drop: 0.02, duplicate: 0.02, crash: 0.003, crashFrom: 4}},
  }),
  /** One of four writes entries without end and carries ops nobody signed, while nodes restart and begin anew. */
  flooding: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, bad: seed % 4, floods: true, equivocators: 1, joiners: 1},
    ...{stormMs: 12_000, faults: {...STORM, crash: 0.0006, crashFrom: 4, oneWay: 0.1}},
  }),
  /** Owners reach followers only, and no follower hands an op to anybody but by comparing what both keep. */
  carried: (seed: number) => ({
    ...{...BASE, seed, witnesses: 4, followers: 3, equivocators: 1, viaFollowers: true},
    faults: {...STORM, crash: 0.001, oneWay: 0.1},
  }),
  /** Everything is drawn: one to seven witnesses, who of them is bad, who uses the ledger, what goes wrong. */
  mixed,
} satisfies Record<string, (seed: number) => SimLedgerSetup>;

export type ScenarioName = keyof typeof SCENARIOS;

/** How many of 1,000 seeds of a soak live each: long lives, and those that differ little from others, are rarer. */
export const SHARES: Readonly<Record<ScenarioName, number>> = {
  ...{one: 60, storm: 60, hostile: 60, poor: 60, governed: 60, changing: 60},
  ...{forking: 30, joining: 30, judged: 30, silent: 20, carried: 20, joiningHostile: 20, judgedHostile: 20},
  ...{deep: 20, deepStorm: 20, flooding: 20, forgetting: 12, joiningForks: 10},
  ...{forgettingHostile: 6, pruning: 6, pruningForks: 3, calm: 1, mixed: 372},
};

/** Multiples of it modulo 1 spread evenly: seeds that follow each other live different lives. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The life of a seed that names no scenario. */
export function scenarioOf(seed: number): ScenarioName {
  let left = ((seed * GOLDEN) % 1) * 1_000;
  for (const [name, share] of Object.entries(SHARES)) {
    left -= share;
    if (left < 0) return name as ScenarioName;
  }
  return "mixed";
}
