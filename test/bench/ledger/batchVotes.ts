/**
 * B3: what one of four witnesses does for an op, once with a signed vote of every witness for every op, as
 * FastPay does it, and once with our entries, where a signature covers hundreds of votes. The same thread,
 * the same ops, the same checks; no network and no disk, which would hide the difference.
 */
import {performance} from "node:perf_hooks";
import {signDomain, verifyDomain} from "@catalyze/core/crypto/signed";
import {apply, votable} from "@catalyze/core/ledger/apply";
import type {Tally} from "@catalyze/core/ledger/certificates";
import type {Effect} from "@catalyze/core/ledger/effects";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import type {Op} from "@catalyze/core/ledger/op";
import {checkOpForm} from "@catalyze/core/ledger/opChecks";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import type {Replica} from "@catalyze/core/ledger/replica";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {DOMAIN} from "@catalyze/proto/domains";
import {atLeast, figure, median, type Part} from "../bar.ts";
import {OpMaker} from "./opMaker.ts";
import {ROUNDS, rate, rawRate} from "./rounds.ts";
import {createReplica, createTally, createWorld, type World} from "./world.ts";

const WITNESSES = 4;
const BATCH = 256;
/** Each witness takes in a batch of its own, so a turn has four. */
const TURNS = 4;
/** After an entry full of votes a member waits three intervals. */
const WRITES_MS = 60;

export const batchVotes: Part = {
  name: "batch-votes",
  what: "one of four witnesses: batch votes against a certificate of 1 + 3 signatures for each op, same thread and checks",
  async run(report) {
    // No checkpoint comes in between: they are measured on their own.
    const world = createWorld({witnesses: WITNESSES, params: {checkpointIntervalMs: 86_400_000}});
    const maker = new OpMaker(world);
    const batch = new BatchWitnesses(world);
    const single = new SingleWitness(world);
    const rounds: {batch: number; single: number; raw: number}[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const ops = maker.transfers(WITNESSES * BATCH * TURNS);
      const raw = await rawRate(world, ops);
      const votes = single.othersVotes(ops);
      const singleRate = await rate(ops.length, () => single.certify(ops, votes));
      const batchRate = (ops.length * 1_000) / batch.certify(ops);
      // The first is for the compiler.
      if (round > 0) rounds.push({raw, single: singleRate, batch: batchRate});
    }
    const value = median(rounds.map((each) => each.batch));
    const ratio = median(rounds.map((each) => each.batch / each.single));
    report(atLeast("ledger/batch-votes-to-single", {value, unit: "ops/s", ratio}, 3));
    report(
      figure(
        "ledger/batch-votes-to-raw",
        value,
        "ops/s",
        median(rounds.map((each) => each.batch / each.raw)),
      ),
    );
    const alone = median(rounds.map((each) => each.single));
    report(
      figure(
        "ledger/single-votes-to-raw",
        alone,
        "ops/s",
        median(rounds.map((each) => each.single / each.raw)),
      ),
    );
  },
};

/** The other side: this witness signs each vote and checks three for each op. */
class SingleWitness {
  readonly #world: World;
  readonly #state: LedgerState;
  readonly #tally: Tally;

  constructor(world: World) {
    this.#world = world;
    this.#state = genesisState(world.genesis);
    this.#tally = createTally(world);
  }

  /** Made before the clock runs: they are the others' work. */
  othersVotes(ops: readonly Op[]): Uint8Array[][] {
    const {voteSigners, hash} = this.#world;
    const others = voteSigners.slice(1);
    return ops.map(({id}) => others.map((signer) => signDomain(signer, DOMAIN.entry, hash, fromHex(id))));
  }

  certify(ops: readonly Op[], votes: readonly (readonly Uint8Array[])[]): void {
    for (const [at, {bytes}] of ops.entries()) this.#certify(decodeOp(bytes), votes[at]!);
  }

  #certify(op: Op, votes: readonly Uint8Array[]): void {
    const {hash, network, verifier, voteSigners} = this.#world;
    const state = this.#state;
    const check = checkOpForm(op, {network, genesisHash: hash, verifier, state, epoch: 1});
    if (!check.ok || !votable(state, op, {height: 0n}).ok) throw new Error("an op that nobody may vote for");
    const body = fromHex(op.id);
    this.#tally.add(op);
    const certified = [...this.#tally.vote(op.id, 0)];
    signDomain(voteSigners[0]!, DOMAIN.entry, hash, body);
    for (const [index, signature] of votes.entries()) {
      const {publicKey} = voteSigners[index + 1]!;
      const input = {domain: DOMAIN.entry, genesisHash: hash, body, signature, publicKey};
      if (!verifyDomain(verifier, input).valid) throw new Error("a vote that does not verify");
      certified.push(...this.#tally.vote(op.id, index + 1));
    }
    for (const each of certified) apply(state, each, {height: 1n});
  }
}

/** Four real replicas; only what the first does is timed. */
class BatchWitnesses {
  readonly #replicas: readonly Replica[];
  #nowMs = 1_000_000;
  #spentMs = 0;
  #certified = 0;

  constructor(world: World) {
    this.#replicas = world.voteSigners.map((_, index) => createReplica(world, index));
    for (const to of this.#replicas)
      for (const other of this.#replicas) if (to !== other) this.#ask(to, other);
  }

  /** At its start a witness is silent until the others have told it what they have of its log. */
  #ask(to: Replica, other: Replica): void {
    const [seat, own] = [other.seat!, to.seat!];
    const heard = {kind: "heard", seats: [seat], ...other.testimonyFor(own), from: undefined} as const;
    to.step(heard, this.#nowMs as UnixMs);
  }

  /** How long the first replica took, in ms. */
  certify(ops: readonly Op[]): number {
    this.#spentMs = 0;
    this.#certified = 0;
    for (let at = 0; at < ops.length; at += WITNESSES * BATCH) {
      const turn = ops.slice(at, at + WITNESSES * BATCH);
      for (const {bytes, body} of turn) {
        const home = Number.parseInt(body.cell.slice(0, 8), 16) % WITNESSES;
        this.#step(home, {kind: "op", bytes, from: undefined});
      }
      // One entry carries a batch, the next votes for what the others carried.
      for (let entry = 0; entry < 3; entry++) this.#exchange();
    }
    if (this.#certified !== ops.length)
      throw new Error(`${this.#certified} of ${ops.length} ops are certified`);
    return this.#spentMs;
  }

  #exchange(): void {
    this.#nowMs += WRITES_MS;
    const said = this.#replicas.map((_, index) => this.#step(index, {kind: "tick"}));
    for (const [author, effects] of said.entries()) {
      for (const effect of effects) {
        if (effect.kind !== "broadcast" || effect.what !== "entry") continue;
        for (const index of this.#replicas.keys())
          if (index !== author) this.#step(index, {kind: "entry", bytes: effect.bytes, from: undefined});
      }
    }
  }

  #step(index: number, input: Parameters<Replica["step"]>[0]): Effect[] {
    const startMs = performance.now();
    const effects = this.#replicas[index]!.step(input, this.#nowMs as UnixMs);
    if (index !== 0) return effects;
    this.#spentMs += performance.now() - startMs;
    for (const effect of effects) if (effect.kind === "certified") this.#certified += effect.ops.length;
    return effects;
  }
}
