/**
 * Every life of one height of Simplex that a small world allows: four witnesses of equal weight, one of them
 * bad, a few iterations. The three honest ones are the real class.
 *
 * What keeps it small, and loses nothing: a vote that completes no quorum changes nothing at an honest node,
 * so what it hears is either a whole certificate or a proposal, in any order, any subset, at any time; the
 * bad witness has always voted for everything, so a certificate is there as soon as two honest ones voted
 * for it. A node is then a small automaton, read off the class itself by replaying what it heard, and the
 * world is three of them.
 */
import {sha256} from "@catalyze/core/crypto/sha256";
import {assert} from "@catalyze/core/errors/assert";
import {type Checkpoint, checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {
  type ConsensusMessage,
  type ConsensusVote,
  signProposal,
  signVote,
  type VoteKind,
} from "@catalyze/core/ledger/consensusCodec";
import {genesisCheckpoint} from "@catalyze/core/ledger/genesisState";
import {Simplex} from "@catalyze/core/ledger/simplex";
import {leaderOf} from "@catalyze/core/ledger/simplexTypes";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {concat} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";
import {committeeOf, genesisOf, NO_HASH} from "./witnessKit.ts";

const DELAY_MS = 100;
const HEIGHT = 1n;
const NO_GENESIS = new Uint8Array(32);
const committee = committeeOf(4);
const parent = genesisCheckpoint(genesisOf(4));

/** Nothing here is about signatures: whoever is named has signed. */
const verifier: SignatureVerifier = {verify: () => ({valid: true, slow: false})};
const signerOf = (index: number): Signer => ({
  publicKey: committee.voteKeyOf(index)!,
  sign: (message) => concat(sha256(message), sha256(message)),
});

function freshOf(leader: number, iteration: number, variant = 0): Checkpoint {
  return {...parent, height: HEIGHT, epoch: 1, timeMs: 1 + leader * 100 + iteration * 10 + variant};
}

export type Heard =
  | {
      readonly kind: "proposal";
      readonly iteration: number;
      readonly parent: number;
      readonly checkpoint: Checkpoint;
    }
  | {readonly kind: "certificate"; readonly of: VoteKind; readonly iteration: number; readonly hash: Hash}
  | {readonly kind: "wait"; readonly ms: number}
  /** It starts again with what it signed, and nothing else. */
  | {readonly kind: "restart"};

/** All that matters of one honest witness, and how it came about. */
export type Life = {
  readonly id: number;
  readonly heard: readonly Heard[];
  readonly iteration: number;
  /** What it signed, a bit for each vote: see `bitOf`. */
  readonly votes: number;
  /** What it proposed itself, and the same as text. */
  readonly made: readonly Heard[];
  readonly madeKey: string;
  /** Everything heard since it last started. */
  readonly since: readonly Heard[];
  readonly knows: ReadonlySet<string>;
  /** Where it goes when it hears this; made when first asked for. */
  readonly next: Map<Heard, Life>;
};

export const keyOfVote = (kind: VoteKind, iteration: number, hash: Hash) => `${kind}/${iteration}/${hash}`;

/** One honest witness of the small world, as the class behaves. */
export class Automaton {
  readonly index: number;
  readonly #iterations: number;
  readonly #lives = new Map<string, Life>();

  constructor(index: number, iterations: number) {
    this.index = index;
    this.#iterations = iterations;
  }

  get size(): number {
    return this.#lives.size;
  }

  start(): Life {
    return this.#live([]);
  }

  after(life: Life, heard: Heard): Life {
    const known = life.next.get(heard);
    if (known !== undefined) return known;
    const next = isIdle(life, heard, this.#iterations) ? life : this.#live([...life.heard, heard]);
    life.next.set(heard, next);
    return next;
  }

  /** Replays what it heard, and finds the life that is the same from now on. */
  #live(heard: readonly Heard[]): Life {
    const votes = new Set<string>();
    const proposals = new Map<number, {parent: number; checkpoint: Checkpoint}>();
    let nowMs = 0;
    let enteredMs = 0;
    const host = {
      propose: (): Checkpoint => freshOf(this.index, simplex.iteration),
      judge: () => "valid" as const,
    };
    const witness = {index: this.index, signer: signerOf(this.index)};
    const signed: ConsensusMessage[] = [];
    const begin = (): Simplex =>
      new Simplex(
        {committee, verifier, genesisHash: NO_GENESIS, witness, host},
        {height: HEIGHT, dueMs: 0, delayMs: DELAY_MS, recorded: [...signed]},
      );
    let simplex = begin();
    const advance = () => {
      const before = simplex.iteration;
      const output = simplex.advance(nowMs);
      signed.push(...output.recorded);
      if (simplex.iteration !== before) enteredMs = nowMs;
      for (const vote of output.signed.flatMap((message) => message.votes)) {
        if (vote.iteration <= this.#iterations) votes.add(keyOfVote(vote.kind, vote.iteration, vote.hash));
      }
      for (const proposal of output.signed.flatMap((message) => message.proposals)) {
        proposals.set(proposal.iteration, {parent: proposal.parent, checkpoint: proposal.checkpoint});
      }
    };
    advance();
    for (const each of heard) {
      if (each.kind === "wait") nowMs += each.ms;
      else if (each.kind === "restart") {
        simplex = begin();
        enteredMs = nowMs;
      } else simplex.receive(this.#messageOf(each));
      advance();
    }
    const since = heard.slice(heard.findLastIndex(({kind}) => kind === "restart") + 1);
    const told = new Set(since.filter(({kind}) => kind !== "wait").map(keyOf));
    const {iteration} = simplex;
    // Time brings a skip, which shows; beside it only a leader's patience with a notarized checkpoint.
    const isLeading = iteration > 1 && leaderOf(committee, HEIGHT, iteration) === this.index;
    const waited = isLeading && !proposals.has(iteration) && nowMs > enteredMs;
    // Beyond the last iteration only what it signed matters: it may still finalize an earlier one.
    const isOver = iteration > this.#iterations;
    const now = isOver ? [] : [iteration, waited, firstOf(since), [...told].sort()];
    const key = JSON.stringify([...now, [...votes].sort()]);
    const known = this.#lives.get(key);
    if (known !== undefined) return known;
    checkVotes(votes);
    const bits = [...votes].reduce((all, vote) => all | bitOf(vote), 0);
    const made = [...proposals]
      .filter(([at]) => at <= this.#iterations)
      .map(([at, each]): Heard => ({kind: "proposal", iteration: at, ...each}));
    const madeKey = made.map(keyOf).join(" ");
    const life = {
      id: this.#lives.size,
      heard,
      iteration,
      votes: bits,
      made,
      madeKey,
      since,
      knows: told,
      next: new Map(),
    };
    this.#lives.set(key, life);
    return life;
  }

  #messageOf(heard: Extract<Heard, {kind: "proposal" | "certificate"}>) {
    if (heard.kind === "proposal") {
      const witness = leaderOf(committee, HEIGHT, heard.iteration);
      return {proposals: [signProposal({...heard, witness}, signerOf(witness), NO_GENESIS)], votes: []};
    }
    const {of: kind, iteration, hash} = heard;
    const votes: ConsensusVote[] = [0, 1, 2, 3]
      .filter((witness) => witness !== this.index)
      .map((witness) =>
        signVote({kind, height: HEIGHT, iteration, hash, witness}, signerOf(witness), NO_GENESIS),
      );
    return {proposals: [], votes};
  }
}

const bits = new Map<string, number>();

/** The bit of a vote: the few that a small world knows, in the order in which they turn up. */
function bitOf(vote: string): number {
  const known = bits.get(vote);
  if (known !== undefined) return known;
  assert(bits.size < 31, "more votes than bits");
  const bit = 1 << bits.size;
  bits.set(vote, bit);
  return bit;
}

/** Nobody honest says two things of one kind in an iteration, and skip and finalize are of one kind. */
function checkVotes(votes: ReadonlySet<string>): void {
  const said = new Map<string, string>();
  for (const vote of votes) {
    const [kind = "", iteration = "", hash = NO_HASH] = vote.split("/");
    const end = `${kind === "notarize" ? kind : "end"}/${iteration}`;
    const what = kind === "skip" ? kind : hash;
    if ((said.get(end) ?? what) !== what)
      throw new Error(`a witness contradicts itself: ${[...votes].join(", ")}`);
    said.set(end, what);
  }
}

/** The proposal of each iteration that came first: a second one is another thing to hear. */
function firstOf(heard: readonly Heard[]): string[] {
  const first = new Map<number, string>();
  for (const each of heard) {
    if (each.kind === "proposal" && !first.has(each.iteration)) first.set(each.iteration, keyOf(each));
  }
  return [...first.values()].sort();
}

function keyOf(heard: Heard): string {
  if (heard.kind === "restart") return heard.kind;
  if (heard.kind === "wait") return `wait/${heard.ms}`;
  if (heard.kind === "certificate") return keyOfVote(heard.of, heard.iteration, heard.hash);
  return `proposal/${heard.iteration}/${heard.parent}/${hashOf(heard.checkpoint)}`;
}

const hashes = new Map<Checkpoint, Hash>();
function hashOf(checkpoint: Checkpoint): Hash {
  const known = hashes.get(checkpoint);
  if (known !== undefined) return known;
  const hash = checkpointHash(checkpoint);
  hashes.set(checkpoint, hash);
  return hash;
}

export type World = {readonly states: number; readonly decisions: ReadonlySet<string>};

type Options = {
  readonly bad: number;
  readonly iterations: number;
  readonly statesMax: number;
  readonly canRestart: boolean;
};

/** Walks through every world; throws where two checkpoints are final, or a witness contradicts itself. */
export function explore({bad, iterations, statesMax, canRestart}: Options): World {
  bits.clear();
  const honest = [0, 1, 2, 3]
    .filter((index) => index !== bad)
    .map((index) => new Automaton(index, iterations));
  const words = new Words({bad, iterations, canRestart});
  const start = honest.map((each) => each.start());
  const seen = new Set([keyOfWorld(start)]);
  const open = [start];
  const decisions = new Set<string>();
  for (let world = open.pop(); world !== undefined; world = open.pop()) {
    const {heard, final} = words.of(world);
    const base = keyOfWorld(world);
    if (final.length > 1)
      throw new Error(
        `two checkpoints are final: ${world.map((life) => life.heard.map(keyOf).join(" ")).join(" | ")}`,
      );
    decisions.add(final.join());
    for (const [at, life] of world.entries()) {
      for (const word of heard) {
        const next = honest[at]!.after(life, word);
        if (next === life) continue;
        const key = base + (next.id - life.id) * PLACES[at]!;
        if (seen.has(key)) continue;
        if (seen.size >= statesMax) throw new Error(`more than ${statesMax} worlds`);
        seen.add(key);
        open.push(world.with(at, next));
      }
    }
  }
  return {states: seen.size, decisions};
}

/** Fewer than 2^17 lives each, so three fit a safe integer. */
const PLACES = [2 ** 34, 2 ** 17, 1] as const;

function keyOfWorld(world: readonly Life[]): number {
  return world.reduce((key, {id}, at) => key + id * PLACES[at]!, 0);
}

/** What the class drops unread: a second proposal before its checkpoint is notarized, and what it has heard. */
function isIdle({heard, since, knows, iteration}: Life, word: Heard, iterations: number): boolean {
  if (word.kind === "restart") return heard.length === 0;
  if (word.kind === "wait") return iteration > iterations;
  if (iteration > iterations && (word.kind !== "certificate" || word.of !== "notarize")) return true;
  if (knows.has(keyOf(word))) return true;
  if (word.kind === "certificate") return false;
  const isSecond = since.some((each) => each.kind === "proposal" && each.iteration === word.iteration);
  return isSecond && !knows.has(keyOfVote("notarize", word.iteration, hashOf(word.checkpoint)));
}

const WAITS: readonly Heard[] = [
  {kind: "wait", ms: DELAY_MS},
  {kind: "wait", ms: 3 * DELAY_MS},
];

const RESTART: Heard = {kind: "restart"};

type Audible = {readonly heard: readonly Heard[]; readonly final: readonly Hash[]};

/** What anyone may hear in a world. It depends on little of it, so few answers serve all worlds. */
class Words {
  readonly #options: Omit<Options, "statesMax">;
  readonly #known = new Map<string, Audible>();
  readonly #heard = new Map<string, Heard>();

  constructor(options: Omit<Options, "statesMax">) {
    this.#options = options;
  }

  of(world: readonly Life[]): Audible {
    const [one, two, three] = world.map(({votes}) => votes) as [number, number, number];
    // With the bad one's they are three of four.
    const byTwo = (one & two) | (one & three) | (two & three);
    const key = world.reduce((text, {madeKey}) => (madeKey === "" ? text : `${text} ${madeKey}`), `${byTwo}`);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = world.flatMap((life) => life.made);
    const audible = this.#audible(byTwo, made);
    this.#known.set(key, audible);
    return audible;
  }

  #audible(byTwo: number, made: readonly Heard[]): Audible {
    const heard: Heard[] = this.#options.canRestart ? [...WAITS, RESTART] : [...WAITS];
    const final: Hash[] = [];
    for (const word of [...made, ...this.#lies(made)]) heard.push(this.#same(word));
    for (const [vote, bit] of bits) {
      if ((byTwo & bit) === 0) continue;
      const [of, iteration, hash] = vote.split("/") as [VoteKind, string, Hash];
      // Hearing that a checkpoint is final only ends a node's part, and a node may fall silent anyway.
      if (of === "finalize") final.push(hash);
      else heard.push(this.#same({kind: "certificate", of, iteration: Number(iteration), hash}));
    }
    return {heard, final: [...new Set(final)]};
  }

  /**
   * Two checkpoints in the first iteration, later a fresh one and any proposed before, again or as if fresh.
   * A proposal that extends nothing is as good as none, so it is left out.
   */
  #lies(made: readonly Heard[]): Heard[] {
    const {bad, iterations} = this.#options;
    const lies: Heard[] = [];
    for (let iteration = 1; iteration <= iterations; iteration++) {
      if (leaderOf(committee, HEIGHT, iteration) !== bad) continue;
      const before = [...made, ...lies].flatMap((each) =>
        each.kind === "proposal" && each.iteration < iteration ? [each.checkpoint] : [],
      );
      const fresh = (iteration === 1 ? [0, 1] : [0]).map((variant) => freshOf(bad, iteration, variant));
      for (const checkpoint of fresh) lies.push({kind: "proposal", iteration, parent: 0, checkpoint});
      for (const checkpoint of new Set(before)) {
        for (let from = 0; from < iteration; from++)
          lies.push({kind: "proposal", iteration, parent: from, checkpoint});
      }
    }
    return lies;
  }

  /** One object for one thing heard. */
  #same(word: Heard): Heard {
    const key = keyOf(word);
    const known = this.#heard.get(key) ?? word;
    this.#heard.set(key, known);
    return known;
  }
}
