/** What a node takes from who is a member of a committee, and from who is not, or not yet known to be. */
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {type CutContext, computeCut} from "@catalyze/core/ledger/cut";
import {Dag} from "@catalyze/core/ledger/dag";
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {
  decodeFinalCheckpoint,
  encodeFinalCheckpoint,
  type FinalCheckpoint,
} from "@catalyze/core/ledger/finality";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {committeeNow, type Register} from "@catalyze/core/ledger/register";
import type {PeerId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {entryOf, genesisOf, NOW, replicaOf, settle} from "./witnessKit.ts";

const plain = genesisOf(4);
const genesis = {...plain, params: {...plain.params, checkpointsPerEpoch: 2}};

describe("a cut", () => {
  const parent = genesisCheckpoint(genesis);
  const parentHash = checkpointHash(parent);
  const entries = [0, 1, 2, 3].map((witness) => entryOf(genesis, {witness, stampHash: parentHash}));
  const headOf = ({header: {witness, n}, hash}: Entry) => ({witness, n, hash});

  function contextOf(change: (register: Register) => Register): CutContext {
    const base = genesisState(genesis);
    base.putRegister(change(base.register));
    const dag = new Dag(
      () => true,
      () => 1,
      () => 1_000n,
    );
    for (const entry of entries) dag.offer(entry);
    const carried = new Tally(committeeNow(base.register));
    return {
      ...{dag, base, parent, parentHash, carried, params: genesis.params},
      soundnessOf: () => "sound",
      prove: () => undefined,
    };
  }

  it("names heads of members only", () => {
    const members = [0, 1, 2].map((seat) => ({seat, weight: 1}));
    const context = contextOf((register) => ({...register, terms: [{sinceEpoch: 1, members}]}));
    expect(computeCut(context, entries.slice(0, 3).map(headOf)).kind).toBe("cut");
    expect(computeCut(context, entries.map(headOf))).toEqual({kind: "invalid", reason: "headWitness"});
    expect(computeCut(context, entries.slice(0, 2).map(headOf)).kind).toBe("wait");
  });

  it("goes on where the log of a witness that comes back was", () => {
    const [first, ...others] = entries;
    const context = contextOf((register) => {
      const seats = register.seats.with(0, {...register.seats[0]!, head: {n: 1n, hash: first!.hash}});
      return {...register, seats};
    });
    expect(computeCut(context, others.map(headOf))).toEqual({kind: "invalid", reason: "headBack"});
    const swapped = {witness: 0, n: 1n, hash: ZERO_HASH};
    expect(computeCut(context, [swapped, ...others.map(headOf)])).toEqual({
      ...{kind: "invalid", reason: "headSwapped"},
    });
    expect(computeCut(context, entries.map(headOf)).kind).toBe("cut");
  });
});

describe("a follower", () => {
  const liar = "liar" as PeerId;

  function history(): {entries: Uint8Array[]; finals: Map<bigint, FinalCheckpoint>} {
    const replicas = [0, 1, 2, 3].map((index) => replicaOf(genesis, index));
    const effects: Effect[] = [];
    for (let round = 0; round < 12; round += 1) effects.push(...settle(replicas, NOW + round * 500));
    const said = effects.flatMap((effect) => (effect.kind === "broadcast" ? [effect] : []));
    const finals = said
      .filter(({what}) => what === "checkpoint")
      .map(({bytes}) => decodeFinalCheckpoint(bytes));
    return {
      entries: said.filter(({what}) => what === "entry").map(({bytes}) => bytes),
      finals: new Map(finals.map((final) => [final.checkpoint.height, final])),
    };
  }

  it("proves a checkpoint of a later epoch when its committee is known, and tells who lied", () => {
    const {entries, finals} = history();
    const [third, ...before] = [3n, 2n, 1n].map((height) => finals.get(height)!);
    const forged = {
      ...third!,
      signatures: third!.signatures.map((each) => ({...each, signature: new Uint8Array(64)})),
    };
    const follower = replicaOf(genesis, 99);
    const give = (final: FinalCheckpoint, from: PeerId | undefined) =>
      follower.step({kind: "checkpoint", bytes: encodeFinalCheckpoint(final), from}, NOW + 20_000);
    const refusals = (effects: readonly Effect[]) =>
      effects.flatMap((effect) => (effect.kind === "rejected" ? [[effect.code, effect.from]] : []));
    expect(refusals(give(forged, liar))).toEqual([]);
    for (const bytes of entries) follower.step({kind: "entry", bytes, from: undefined}, NOW + 20_000);
    const effects = before.flatMap((final) => give(final, undefined));
    expect(refusals(effects)).toEqual([["SIGNATURE_INVALID", liar]]);
    expect(follower.checkpoint.height).toBe(2n);
    expect(refusals(give(forged, liar))).toEqual([["SIGNATURE_INVALID", liar]]);
    give(third!, undefined);
    expect(follower.checkpoint.height).toBe(3n);
  });
});
