import {
  type BalanceProof,
  checkCell,
  decodeBalanceProof,
  encodeBalanceProof,
  proveCell,
} from "@catalyze/core/ledger/balanceProof";
import {isProven} from "@catalyze/core/ledger/finality";
import {genesisHash as hashOf} from "@catalyze/core/ledger/genesis";
import {Committees, followHandovers, type Handover, shortenChain} from "@catalyze/core/ledger/handover";
import {storedHandovers} from "@catalyze/core/ledger/storeKeys";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {beforeAll, describe, expect, it} from "vitest";
import {REAL_CRYPTO} from "../market/simKeys.ts";
import {SCENARIOS} from "./scenarios.ts";
import {settledSim} from "./settledSim.ts";
import type {SimLedger} from "./simLedger.ts";

let sim: SimLedger;
let joined: SimLedger;
let handovers: readonly Handover[];
beforeAll(async () => {
  sim = await settledSim({...SCENARIOS.changing(14), joiners: 0, crypto: REAL_CRYPTO});
  joined = await settledSim({...SCENARIOS.changing(5), crypto: REAL_CRYPTO});
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
    // In the middle of an epoch the register may still change.
    const {finalCheckpoint, base} = sim.live()[0]!.replica!;
    expect(finalCheckpoint.checkpoint.isLastOfEpoch).toBe(false);
    expect(isHeld([...handovers, {final: finalCheckpoint, register: base.register}])).toBe(false);
    // Signed by nobody that the old committee knows.
    expect(isHeld([{...first, final: second.final}])).toBe(false);
  });

  it("may be shortened to what a quorum of an earlier committee has signed too", async () => {
    let left = 0;
    for (const {store, replica} of joined.live()) {
      const all = await storedHandovers(store);
      const short = shortenChain(joined.genesis, all, replica!.finalCheckpoint);
      expect(short.handovers.length).toBeLessThanOrEqual(all.length);
      left += all.length - short.handovers.length;
      const followed = followHandovers(joined.genesis, short.handovers, verifier);
      const genesisHash = fromHex(hashOf(joined.genesis));
      expect(followed && isProven(short.final, {committee: followed.committee, verifier, genesisHash})).toBe(
        true,
      );
      const name = {kind: "account", id: joined.owners[0]!.account} as const;
      const proof = proveCell(name, replica!.base, short);
      expect(checkCell(name, proof, {genesis: joined.genesis, verifier}).cell).toBeDefined();
      // Who began with a snapshot knows the committees since then.
      const committees = new Committees(joined.genesis, all);
      const {epoch} = replica!.checkpoint;
      expect(committees.at(epoch + 1).members.length).toBeGreaterThan(0);
      const now = replica!.base.register.terms.at(-1)!;
      expect(committees.at(Math.max(now.sinceEpoch, epoch)).members.map(({seat}) => seat)).toEqual(
        now.members.map(({seat}) => seat),
      );
    }
    expect(left).toBeGreaterThan(0);
    expect(joined.joins).toBeGreaterThan(0);
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
