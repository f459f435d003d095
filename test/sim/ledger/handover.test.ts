import {
  type BalanceProof,
  checkCell,
  decodeBalanceProof,
  encodeBalanceProof,
  proveCell,
} from "@catalyze/core/ledger/balanceProof";
import {followHandovers, type Handover} from "@catalyze/core/ledger/handover";
import {storedHandovers} from "@catalyze/core/ledger/storeKeys";
import {beforeAll, describe, expect, it} from "vitest";
import {REAL_CRYPTO} from "../market/simKeys.ts";
import {SCENARIOS} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import type {SimLedger} from "./simLedger.ts";

let sim: SimLedger;
let handovers: readonly Handover[];
beforeAll(async () => {
  sim = await settledSim({...SCENARIOS.changing(3), crypto: REAL_CRYPTO});
  handovers = await storedHandovers(sim.live()[0]!.store);
});

const {verifier} = REAL_CRYPTO;
const isHeld = (chain: readonly Handover[]) => followHandovers(sim.genesis, chain, verifier) !== undefined;

describe("a chain of committees", () => {
  it("is the same at every node, and leads from the genesis to the present committee", async () => {
    expect(handovers.length).toBeGreaterThanOrEqual(3);
    expect(handovers.map(({final}) => final.checkpoint.epoch + 1)).toEqual(
      [...sim.checks.terms.keys()].slice(1),
    );
    for (const {store, replica} of sim.live()) {
      const own = await storedHandovers(store);
      expect(own.map(({register}) => register)).toEqual(handovers.map(({register}) => register));
      const followed = followHandovers(sim.genesis, own, verifier);
      const term = replica!.base.register.terms.at(-1)!;
      expect(followed?.sinceEpoch).toBe(term.sinceEpoch);
      expect(followed?.committee.members.map(({seat, weight}) => ({seat, weight}))).toEqual(term.members);
    }
  });

  it("does not hold without a link, in another order, with another register or with a wrong signature", () => {
    const [first, second, third] = handovers as [Handover, Handover, Handover];
    expect(isHeld(handovers)).toBe(true);
    expect(isHeld([first, second])).toBe(true);
    expect(isHeld([second, third])).toBe(false);
    expect(isHeld([second, first])).toBe(false);
    expect(isHeld([first, first])).toBe(false);
    const raised = second.register.seats.map((seat) => ({...seat, granted: seat.granted + 1}));
    expect(isHeld([first, {...second, register: {...second.register, seats: raised}}])).toBe(false);
    const [one, ...others] = second.final.signatures;
    const signatures = [{...one!, signature: new Uint8Array(64)}, ...others];
    expect(isHeld([first, {...second, final: {...second.final, signatures}}])).toBe(false);
    // Signed by nobody that the old committee knows.
    expect(isHeld([{...first, final: second.final}])).toBe(false);
  });

  it("proves a balance to who has the genesis alone", () => {
    const {replica} = sim.live()[0]!;
    const {base, finalCheckpoint: final} = replica!;
    for (const {account} of sim.owners) {
      const name = {kind: "account", id: account} as const;
      const proof = proveCell(name, base, {final, handovers});
      const check = (given: BalanceProof) => checkCell(name, given, {genesis: sim.genesis, verifier});
      expect(check(decodeBalanceProof(encodeBalanceProof(proof))).cell).toEqual(base.account(account));
      expect(() => check({...proof, handovers: handovers.slice(1)})).toThrow("does not hold");
    }
  });
});
