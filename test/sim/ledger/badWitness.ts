/**
 * A witness that keeps no rule. It sees everything at once, knows every other's log, and says what harms
 * most: forbidden ops carried, votes for all of both sides, forked and withheld entries, stale stamps, wrong
 * times, links that lie or go far down, and in agreement several proposals, cuts that leave others out, every
 * kind of vote.
 * What it does in one life is a random part of that, so that no habit hides another.
 */
import type {Book} from "@catalyze/core/ledger/book";
import {type Checkpoint, type Head, voteEpochOf} from "@catalyze/core/ledger/checkpoint";
import {
  type ConsensusMessage,
  encodeConsensus,
  signProposal,
  signVote,
} from "@catalyze/core/ledger/consensusCodec";
import {computeCut} from "@catalyze/core/ledger/cut";
import type {Entry} from "@catalyze/core/ledger/entry";
import {signEntry} from "@catalyze/core/ledger/entryCodec";
import {entryNumber, epochOfEntry} from "@catalyze/core/ledger/entryNumber";
import type {FinalCheckpoint} from "@catalyze/core/ledger/finality";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import {replicaParts} from "@catalyze/core/ledger/replicaParts";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import {leaderOf} from "@catalyze/core/ledger/simplexTypes";
import type {Signer} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {Hash} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {SimCrypto} from "../market/simKeys.ts";
import type {Words} from "./words.ts";

const NO_HASH = "0".repeat(64) as Hash;
const HABITS = [
  "fork",
  "withhold",
  "staleStamp",
  "falseStamp",
  "falseRef",
  "lateClock",
  "earlyClock",
  "doubleVote",
  "lyingLeader",
  "forge",
] as const;
type Habit = (typeof HABITS)[number];

/** What is said to which of the others. */
export type BadWord = {
  readonly kind: "entry" | "consensus";
  readonly bytes: Uint8Array;
  readonly to: (index: number) => boolean;
};

type Stamp = {readonly height: bigint; readonly hash: Hash};

type Options = {
  readonly index: number;
  readonly genesis: Genesis;
  readonly crypto: SimCrypto;
  readonly signer: Signer;
  readonly random: SeededRandom;
  /** It links to entries of long ago, with new stamps and old ones, and has few other habits. */
  readonly linksDeep?: boolean;
  /** It writes entry after entry, and carries ops with false signatures. */
  readonly floods?: boolean;
};

/** Entries of others remembered of each log, from its beginning on. */
const OLD_N_MAX = entryNumber(1, 40n);
/** Written at once by one that floods, and ops that they carry. */
const FLOOD_ENTRIES = 25;
const FLOOD_OPS = 5;

export class BadWitness {
  readonly #options: Options;
  readonly #random: SeededRandom;
  readonly #book: Book;
  readonly #genesisHash: Uint8Array;
  readonly #network: number;
  readonly #habits: ReadonlySet<Habit>;
  readonly #finals = new Map<bigint, FinalCheckpoint>();
  #stamps: Stamp[];
  #heard: Entry[] = [];
  /** The first entries of the others' logs. */
  readonly #old: Entry[] = [];
  #ops: Op[] = [];
  #said: ConsensusMessage[] = [];
  readonly #led = new Set<string>();
  /** Epoch → its last entry that votes in it. */
  readonly #ends = new Map<number, Head>();
  /** Entries that it wrote. */
  written = 0n;

  /** Number of its first entry with such links. */
  firstDeepN: bigint | undefined;

  constructor(options: Options) {
    const {genesis, crypto, random} = options;
    this.#options = options;
    this.#random = random;
    const fresh = freshReplica(genesis);
    this.#book = replicaParts({genesis, verifier: crypto.verifier, voteSigner: undefined}, fresh).book;
    const hash = genesisHash(genesis);
    this.#genesisHash = fromHex(hash);
    this.#network = networkIdOf(hash);
    const chance = options.linksDeep === true ? 0.1 : 0.4;
    this.#habits = new Set(HABITS.filter(() => random.chance(chance)));
    this.#stamps = [{height: 0n, hash: fresh.checkpoint.hash}];
  }

  hear(kind: "entry" | "consensus", bytes: Uint8Array, words: Words): void {
    if (kind === "consensus") {
      this.#said.push(words.consensus(bytes));
      return;
    }
    const entry = words.entry(bytes);
    if (entry.header.witness === this.#options.index) return;
    if (this.#options.linksDeep === true && entry.header.n <= OLD_N_MAX) this.#old.push(entry);
    const {offered} = this.#book.take(entry);
    if (offered.kind !== "ingested") return;
    for (const {entry: each} of offered.nodes) if (each.carry.length > 0) this.#heard.push(each);
  }

  /** Of a log that somebody asks about: it says that there is more. */
  testimonyFor(seat: number) {
    const {epoch} = this.#book;
    const head = {witness: seat, n: entryNumber(epoch, 1_000_000n), hash: "ab".repeat(32) as Hash};
    return {seats: [this.#options.index], epoch, head, words: encodeConsensus({proposals: [], votes: []})};
  }

  /** An op that an owner hands in, allowed or not. */
  take(op: Op): void {
    this.#ops.push(op);
  }

  final(final: FinalCheckpoint): void {
    this.#finals.set(final.checkpoint.height, final);
    for (;;) {
      const next = this.#finals.get(this.#book.checkpoint.height + 1n);
      const result = next && computeCut(this.#book.cutContext(), next.checkpoint.heads);
      if (next === undefined || result?.kind !== "cut") return;
      this.#book.adopt(result.cut, next);
      this.#finals.delete(next.checkpoint.height);
      this.#stamps.push({height: next.checkpoint.height, hash: next.hash});
    }
  }

  act(nowMs: number): BadWord[] {
    const flood = this.#options.floods === true ? this.#flood(nowMs) : [];
    return [...this.#entries(nowMs), ...flood, ...this.#agreement()];
  }

  /** Some with stamps of heights to come, as if that made room for more. */
  #flood(nowMs: number): BadWord[] {
    const heard = this.#heard.flatMap(({carry}) => carry);
    return Array.from({length: FLOOD_ENTRIES}, () => {
      const carry = this.#random.shuffle(heard).slice(0, FLOOD_OPS).map(forged);
      const {height = 0n, hash = NO_HASH} = this.#stamps.at(-1) ?? {};
      const stamp = {height: height + BigInt(this.#random.int(3)), hash};
      const unique = [...new Map(carry.map((op) => [op.id, op])).values()];
      const entry = this.#entry(nowMs, {carry: unique, links: []}, [], stamp);
      this.#goOn(entry);
      return {kind: "entry", bytes: entry.bytes, to: () => true};
    });
  }

  #entries(nowMs: number): BadWord[] {
    const random = this.#random;
    const links = this.#heard.splice(0, 40).filter(({hash}) => this.#book.dag.has(hash));
    const carry = [...new Map(this.#ops.splice(0, 20).map((op) => [op.id, op])).values()];
    const isForking = this.#has("fork") && random.chance(0.1);
    const words: BadWord[] = [];
    const entry = this.#isDeep() ? this.#deepEntry(nowMs, carry) : this.#entry(nowMs, {carry, links});
    if (isForking) {
      // Two halves of the others see two entries of one number.
      const rival = this.#entry(nowMs + 1, {carry: [...carry].reverse().slice(1), links: []});
      words.push({kind: "entry", bytes: rival.bytes, to: (index) => index % 2 === 0});
      words.push({kind: "entry", bytes: entry.bytes, to: (index) => index % 2 === 1});
    } else {
      const only = this.#has("withhold") && random.chance(0.3) ? this.#someOther() : undefined;
      words.push({kind: "entry", bytes: entry.bytes, to: (index) => only === undefined || index === only});
    }
    if (this.#has("forge") && random.chance(0.1)) words.push(this.#forgedEntry(nowMs));
    if (this.#has("falseRef") && random.chance(0.2)) words.push(this.#lyingLinks(nowMs));
    this.#goOn(entry);
    return words;
  }

  #goOn(entry: Entry): void {
    const {witness, n} = entry.header;
    this.#ends.set(epochOfEntry(n), {witness, n, hash: entry.hash});
    this.written += 1n;
    this.#book.take(entry);
  }

  /** Where the next entry stands that votes in this epoch: its first one follows on the floor, or falsely on another. */
  #place(epoch: number): Pick<Head, "n" | "hash"> {
    const last = this.#ends.get(epoch);
    if (last !== undefined) return {n: last.n + 1n, hash: last.hash};
    const isAstray = this.#has("falseRef") && this.#random.chance(0.2);
    const end = isAstray ? this.#ends.get(epoch - 1) : this.#book.dag.head(this.#options.index);
    return {n: entryNumber(epoch, 1n), hash: end?.hash ?? NO_HASH};
  }

  #entry(
    nowMs: number,
    {carry, links}: {readonly carry: readonly Op[]; readonly links: readonly Entry[]},
    refs = this.#refs(),
    oldStamp?: Stamp,
  ): Entry {
    const {signer, index} = this.#options;
    const [newStamp] = this.#stamps.slice(this.#has("staleStamp") && this.#random.chance(0.5) ? -3 : -1);
    const stamp = oldStamp ?? newStamp;
    const isFalse = this.#has("falseStamp") && this.#random.chance(0.3);
    const skew = (this.#has("lateClock") ? -60_000 : 0) + (this.#has("earlyClock") ? 3_600_000 : 0);
    const place = this.#place(voteEpochOf({stampH: stamp?.height ?? 0n}, this.#options.genesis.params));
    const header = {
      network: this.#network,
      epoch: 0,
      witness: index,
      n: place.n,
      prev: place.hash,
      stampH: (stamp?.height ?? 0n) + (isFalse ? 2n : 0n),
      stampHash: stamp?.hash ?? NO_HASH,
      timeMs: Math.floor(nowMs) + skew,
      isSeal: this.#options.random.chance(0.3),
      refs,
    };
    const acks = [...new Set(links.map(({hash}) => hash))].map((hash) => ({hash, exceptions: []}));
    return signEntry({header, carry, acks}, signer, this.#genesisHash);
  }

  #isDeep(): boolean {
    return this.#old.length > 0 && this.#random.chance(0.2);
  }

  /** Links to what nobody needs any more, as witnesses do that were cut off, or as if it were one of them. */
  #deepEntry(nowMs: number, carry: readonly Op[]): Entry {
    const random = this.#random;
    const deep = random.shuffle(this.#old).slice(0, 1 + random.int(3));
    const byWitness = new Map(deep.map(({header, hash}) => [header.witness, {...header, hash}]));
    const refs = [...byWitness.values()]
      .map(({witness, n, hash}) => ({witness, n, hash}))
      .sort((left, right) => left.witness - right.witness);
    const oldStamp = random.chance(0.3) ? random.pick(this.#stamps) : undefined;
    const isRef = random.chance(0.5);
    const entry = this.#entry(nowMs, {carry, links: isRef ? [] : deep}, isRef ? refs : [], oldStamp);
    this.firstDeepN ??= entry.header.n;
    return entry;
  }

  #refs(): Head[] {
    return this.#book.dag.heads().filter(({witness}) => witness !== this.#options.index);
  }

  /** In another's name, with a signature of its own. */
  #forgedEntry(nowMs: number): BadWord {
    const {signer, index} = this.#options;
    const other = this.#refs()[0] ?? {witness: (index + 1) % 4, n: 0n, hash: NO_HASH};
    const {header} = this.#entry(nowMs, {carry: [], links: []}, []);
    const forged = {...header, witness: other.witness, n: other.n + 1n, prev: other.hash};
    const {bytes} = signEntry({header: forged, carry: [], acks: []}, signer, this.#genesisHash);
    return {kind: "entry", bytes, to: () => true};
  }

  /** Names a true entry at a false place: nobody may take it in. Nothing ever builds on it. */
  #lyingLinks(nowMs: number): BadWord {
    const refs = this.#refs().map((ref, at) => (at === 0 ? {...ref, n: ref.n + 1n} : ref));
    const {bytes} = this.#entry(nowMs, {carry: [], links: []}, refs);
    const only = this.#someOther();
    return {kind: "entry", bytes, to: (index) => index === only};
  }

  #agreement(): BadWord[] {
    const said = this.#said.splice(0);
    const words: BadWord[] = [];
    const height = this.#book.checkpoint.height + 1n;
    const votes = said.flatMap((message) => message.votes).filter((vote) => vote.height === height);
    const proposals = said.flatMap((message) => message.proposals);
    const iterations = new Set([1, ...votes.flatMap(({iteration}) => [iteration, iteration + 1])]);
    if (this.#has("lyingLeader"))
      for (const iteration of iterations) words.push(...this.#lead(height, iteration));
    for (const {hash, iteration, checkpoint} of proposals) {
      if (checkpoint.height !== height) continue;
      words.push(this.#votes(height, iteration, hash));
    }
    return words;
  }

  #votes(height: bigint, iteration: number, hash: Hash): BadWord {
    const {signer, index} = this.#options;
    const isDouble = this.#has("doubleVote");
    const kinds = isDouble
      ? (["notarize", "skip", "finalize"] as const)
      : (["notarize", "finalize"] as const);
    const only = isDouble && this.#random.chance(0.5) ? this.#someOther() : undefined;
    const names = this.#has("forge") ? [0, 1, 2, 3] : [index];
    const pairs = names.flatMap((witness) => kinds.map((kind) => ({witness, kind})));
    const votes = pairs.map(({witness, kind}) =>
      signVote(
        {kind, height, iteration, hash: kind === "skip" ? NO_HASH : hash, witness},
        signer,
        this.#genesisHash,
      ),
    );
    return {
      kind: "consensus",
      bytes: encodeConsensus({proposals: [], votes}),
      to: (to) => only === undefined || to === only,
    };
  }

  /** Different proposals to different witnesses, each voted for. */
  #lead(height: bigint, iteration: number): BadWord[] {
    const {index, signer, genesis} = this.#options;
    const key = `${height}/${iteration}`;
    if (leaderOf(committeeNow(genesisRegister(genesis)), height, iteration) !== index || this.#led.has(key))
      return [];
    const options = [this.#cutWithout(undefined), this.#cutWithout(this.#someOther()), this.#cutOfOwn()];
    const found = options.flatMap((each) => each ?? []);
    const [first] = found;
    if (first === undefined) return [];
    this.#led.add(key);
    const twisted = this.#random.chance(0.3) ? [{...first, timeMs: first.timeMs + 1}] : [];
    const told = [...twisted, ...found];
    return told.map((checkpoint, at) => {
      const draft = {iteration, parent: 0, checkpoint, witness: index};
      const proposal = signProposal(draft, signer, this.#genesisHash);
      const vote = {kind: "notarize" as const, height, iteration, hash: proposal.hash, witness: index};
      const votes = [signVote(vote, signer, this.#genesisHash)];
      const isLast = at === told.length - 1;
      const bytes = encodeConsensus({proposals: [proposal], votes});
      return {kind: "consensus", bytes, to: (to) => (isLast ? to >= at : to === at)};
    });
  }

  /** A valid cut that leaves one witness's newest entries out. */
  #cutWithout(left: number | undefined): Checkpoint | undefined {
    const context = this.#book.cutContext();
    const before = new Map(context.parent.heads.map((head) => [head.witness, head]));
    const heads = this.#book.dag
      .heads()
      .flatMap((head) => (head.witness === left ? (before.get(head.witness) ?? []) : [head]));
    return this.#checkpointOf(heads);
  }

  /** Nothing new of the others: a cut that no honest witness may accept. */
  #cutOfOwn(): Checkpoint | undefined {
    const {parent} = this.#book.cutContext();
    const others = parent.heads.filter(({witness}) => witness !== this.#options.index);
    const own = this.#ends.get(this.#book.epoch);
    const heads = [...others, ...(own === undefined ? [] : [own])].sort(
      (left, right) => left.witness - right.witness,
    );
    return this.#random.chance(0.3) ? this.#checkpointOf(heads) : undefined;
  }

  #checkpointOf(heads: readonly Head[]): Checkpoint | undefined {
    const result = computeCut(this.#book.cutContext(), heads);
    return result.kind === "cut" ? result.cut.checkpoint : undefined;
  }

  #has(habit: Habit): boolean {
    return this.#habits.has(habit);
  }

  #someOther(): number {
    return this.#random.int(this.#options.genesis.witnesses.length);
  }
}

/** The same op with a signature that is none. */
function forged({bytes}: Op): Op {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1]! ^= 1;
  return decodeOp(copy);
}
