import {paramsAt} from "@catalyze/core/ledger/governance";
import {governanceHash} from "@catalyze/core/ledger/governanceCodec";
import {rederive} from "@catalyze/core/ledger/rederive";
import {freshReplica, restoreReplica} from "@catalyze/core/ledger/restoreReplica";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {beforeAll, describe, expect, it} from "vitest";
import {REAL_CRYPTO} from "../market/simKeys.ts";
import {SCENARIOS} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import type {SimLedger} from "./simLedger.ts";

const OUTCOMES = ["accepted", "refused", "void", "paid", "burned"] as const;
/** Payments out of the treasury are rare. The first two saw all of it when this was written. */
const SEEDS = [1, 57, ...Array.from({length: 60}, (_, index) => index + 2)];

const lives: SimLedger[] = [];
const sumOf = (count: (life: SimLedger) => number) => lives.reduce((sum, life) => sum + count(life), 0);
const timesOf = (outcome: (typeof OUTCOMES)[number]) => sumOf(({assembly}) => assembly!.tried[outcome]);
const haveSeenAll = () =>
  OUTCOMES.every((outcome) => timesOf(outcome) > 0) && sumOf(({dropped}) => dropped.size) > 0;

beforeAll(async () => {
  for (const seed of SEEDS) if (!haveSeenAll()) lives.push(await settledSim(SCENARIOS.governed(seed)));
}, 300_000);

describe("a governed network", () => {
  it("saw votes of every outcome, and ops that a vote made too cheap", () => {
    for (const outcome of OUTCOMES) expect(timesOf(outcome), outcome).toBeGreaterThan(0);
    expect(sumOf(({dropped}) => dropped.size)).toBeGreaterThan(0);
    expect(sumOf(({joins}) => joins)).toBeGreaterThan(lives.length);
  });

  it("has the same parameters everywhere, in memory, on disk and in what the checkpoint names", async () => {
    for (const life of lives) {
      const opFee = life.genesis.params.opFee;
      const now = life.live().map(({replica}) => replica!);
      const fees = new Set(now.map(({base, epoch}) => paramsAt(base.governance, epoch).opFee));
      expect(fees.size).toBe(1);
      expect(now[0]!.base.governance.terms[0]?.params.opFee).toBe(opFee);
      for (const {store, replica, signed} of life.live()) {
        const {base, checkpoint} = replica!;
        expect(governanceHash(base.governance)).toBe(checkpoint.paramsHash);
        const again = await restoreReplica({genesis: life.genesis, store, signed});
        expect(again.base.governance).toEqual(base.governance);
      }
    }
  });

  it("is derived again from its logs, and a changed vote is named", async () => {
    const life = await settledSim({...SCENARIOS.governed(1), crypto: REAL_CRYPTO, joiners: 0});
    const {store, replica} = life.live()[0]!;
    const options = {genesis: life.genesis, verifier: REAL_CRYPTO.verifier};
    const recordsOf = () => storedRecords(store, {breathe: () => undefined});
    expect((await rederive(recordsOf(), options)).divergence).toBeUndefined();
    expect(replica!.base.governance).not.toEqual(freshReplica(life.genesis).base.governance);
    async function* changed() {
      for await (const record of recordsOf())
        yield record.kind === "governance"
          ? {...record, bytes: record.bytes.with(-1, (record.bytes.at(-1) ?? 0) ^ 1)}
          : record;
    }
    expect((await rederive(changed(), options)).divergence?.item).toEqual({kind: "governance"});
    async function* without() {
      for await (const record of recordsOf()) if (record.kind !== "governance") yield record;
    }
    expect((await rederive(without(), options)).divergence?.item).toEqual({kind: "governance"});
  });
});
