/** What must hold after every step of a simulated ledger, whatever the network and the owners do. */
import {voteEpochOf} from "@catalyze/core/ledger/checkpoint";
import type {CheckpointSummary} from "@catalyze/core/ledger/effects";
import type {Entry} from "@catalyze/core/ledger/entry";
import {paramsAt} from "@catalyze/core/ledger/governance";
import {checkInvariants, isConserved} from "@catalyze/core/ledger/invariants";
import type {LockSpec, Op, Payload} from "@catalyze/core/ledger/op";
import {feeOf} from "@catalyze/core/ledger/opChecks";
import type {ParamName} from "@catalyze/core/ledger/paramTable";
import type {Register} from "@catalyze/core/ledger/register";
import type {Replica} from "@catalyze/core/ledger/replica";
import {isResolved} from "@catalyze/core/ledger/resolved";
import {decodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {CellId, Hash, OpId} from "@catalyze/core/primitives/id";
import type {Assembly} from "./assembly.ts";
import {Bank} from "./bank.ts";
import type {SimLedgerNode, Spoken} from "./simLedgerNode.ts";
import {UNDERPAID} from "./tricks.ts";
import type {Words} from "./words.ts";

export type ChecksOptions = {
  readonly accounts: readonly {readonly id: CellId; readonly balance: bigint}[];
  readonly opFee: bigint;
  readonly checkpointsPerEpoch: number;
  readonly coolingH: (epoch: number) => bigint;
  readonly assembly: Assembly | undefined;
  readonly granted: ReadonlyMap<CellId, bigint>;
  readonly marginH: bigint;
  readonly isCheat: (account: CellId) => boolean;
  readonly words: Words;
  /** Honest clocks go at most this far wrong. */
  readonly skewMaxMs: number;
};

type Word = Extract<Spoken, {kind: "broadcast"}>;

export class Checks {
  readonly #options: ChecksOptions;
  readonly #bank: Bank;
  /** Slot → the op certified there, anywhere. */
  readonly #certified = new Map<string, Op>();
  readonly #certifiedIds = new Set<OpId>();
  /** Op → nodes that said so, and still have on disk what they said it from. */
  readonly #certifiedAt = new Map<OpId, Set<number>>();
  readonly #heights = new Map<bigint, CheckpointSummary>();
  readonly #signed = new Map<string, string>();
  /** Of that, what reached anybody: the value, and the number of the entry that says it. */
  readonly #heard = new Map<string, {readonly value: string; readonly n: bigint}>();
  /** Nodes that went on by the word of a quorum, and what of theirs that freed them from. */
  readonly #freed = new Map<number, Set<string>>();
  /** In some checkpoint. */
  readonly #applied = new Set<OpId>();
  readonly #ops = new Map<OpId, Op>();
  readonly #forbidden = new Map<OpId, string>();
  readonly #allowed = new Map<CellId, bigint>();
  /** Entries that honest nodes wrote or took in, for what an acknowledgement votes for. */
  readonly #entries = new Map<Hash, Entry>();
  readonly words: Words;
  certifiedOps = 0;
  /** First epoch of each committee → the register that made it. */
  readonly terms = new Map<number, Register>();

  constructor(options: ChecksOptions) {
    this.#options = options;
    this.words = options.words;
    const allowed = (lock: CellId, spec: LockSpec, until: bigint) => this.#allowedOf(lock, spec, until);
    const {accounts, assembly, ...rules} = options;
    const claimFee = (lock: CellId, drawn: bigint) => this.#claimFee(lock, drawn);
    const votes = assembly === undefined ? {} : {assembly};
    this.#bank = new Bank(accounts, {...rules, ...votes, allowed, claimFee});
  }

  /** Every op that anybody ever signs; `why` it must never count, if so. */
  know(op: Op, why?: string): void {
    this.#ops.set(op.id, op);
    if (why !== undefined) this.#forbidden.set(op.id, why);
  }

  /** An authority signed for this much of a lock. */
  allow(lock: CellId, cumulative: bigint): void {
    if (cumulative > (this.#allowed.get(lock) ?? 0n)) this.#allowed.set(lock, cumulative);
  }

  /** A node is as it was some time ago: what it signed since and nobody heard was never signed. */
  forgot(index: number): void {
    this.lostDisk(index);
    for (const key of this.#signed.keys()) if (key.startsWith(`${index}/`)) this.#signed.delete(key);
    for (const [key, {value}] of this.#heard) if (key.startsWith(`${index}/`)) this.#signed.set(key, value);
  }

  /** A word of an honest node, signed by `seat`, reached another. */
  delivered(
    {index, seat}: Pick<SimLedgerNode, "index" | "seat">,
    what: Word["what"],
    bytes: Uint8Array,
  ): void {
    const n = what === "entry" ? this.words.entry(bytes).header.n : 0n;
    for (const [name, value] of this.#signaturesIn(seat, what, bytes)) {
      const key = `${index}/${name}`;
      if (this.#freed.get(index)?.has(`${key}=${value}`) === true) continue;
      this.#once(key, value);
      this.#heard.set(key, {value, n});
    }
  }

  /**
   * One that has forgotten goes on where a member that keeps no rule has stopped the network. What it wrote beyond
   * `heldN` no honest member has in its graph: it may sign that anew, and the bad one may convict it (decision 30).
   */
  goesOn(index: number, heldN: bigint): void {
    const freed = this.#freed.get(index) ?? new Set();
    this.#freed.set(index, freed);
    for (const [key, {value, n}] of this.#heard) {
      if (!key.startsWith(`${index}/`) || n <= heldN) continue;
      this.#heard.delete(key);
      this.#signed.delete(key);
      freed.add(`${key}=${value}`);
    }
  }

  /** Whether others may rightly take this honest node for a forker. */
  mayBeForked(index: number): boolean {
    return (this.#freed.get(index)?.size ?? 0) > 0;
  }

  /** Sales that changed hands. */
  get matches(): number {
    return this.#bank.matches;
  }

  /** What became of free locks. */
  get free(): Bank["free"] {
    return this.#bank.free;
  }

  /** µCTZ that holders of seeds took out of pots. */
  get harvested(): bigint {
    return this.#bank.harvested;
  }

  /** Ops certified anywhere so far. */
  certified(): Iterable<Op> {
    return this.#certified.values();
  }

  /** Its database is gone, and with it what it alone knew. */
  lostDisk(index: number): void {
    for (const nodes of this.#certifiedAt.values()) nodes.delete(index);
  }

  /**
   * What was certified anywhere is applied, or will be: a lock that closed has no more use for a claim. Of an owner
   * who signed two ops for one slot that holds while a node that said so keeps its disk.
   */
  lostIn(view: LedgerState): OpId[] {
    const lost = [...this.#certified.values()].filter((op) => {
      const isDone = this.#applied.has(op.id) || !isResolved(view, op);
      const isKept = !this.#options.isCheat(op.body.cell) || (this.#certifiedAt.get(op.id)?.size ?? 0) > 0;
      return !isDone && isKept && op.body.payload.kind !== "claim";
    });
    return lost.map(({id}) => id);
  }

  isCertified(id: OpId): boolean {
    return this.#certifiedIds.has(id);
  }

  heightMax(): bigint {
    return [...this.#heights.keys()].reduce((high, height) => (height > high ? height : high), 0n);
  }

  /** An entry on its way, of whomever. */
  saw(bytes: Uint8Array): Entry {
    const entry = this.words.entry(bytes);
    this.#entries.set(entry.hash, entry);
    return entry;
  }

  afterStep(
    node: SimLedgerNode,
    spoken: readonly Spoken[],
    parts: {readonly records: readonly Uint8Array[]; readonly nowMs: number},
  ): void {
    for (const record of parts.records) this.#checkRecord(node, record);
    for (const effect of spoken) {
      if (effect.kind === "violation") throw new Error(`node ${node.index}: ${effect.reason}`);
      if (effect.kind === "broadcast") this.#checkWord(node, effect);
      if (effect.kind === "certified") this.#noteCertified(node, effect.ops);
      if (effect.kind === "checkpointed") this.#checkCheckpoint(node, effect, parts.nowMs);
    }
    const {replica} = node;
    if (replica === undefined) return;
    if (!isConserved(replica.base.totals) || !isConserved(replica.view.totals)) {
      throw new Error(`node ${node.index}: money was made or lost`);
    }
  }

  /** At the end: what a quorum voted for on a lock was paid, whenever that became known. */
  settled(): void {
    for (const {id, body} of this.#certified.values()) {
      if (body.payload.kind !== "claim") continue;
      const drawn = this.#bank.closedAt(body.cell);
      if (drawn !== undefined && body.payload.payouts !== undefined && !this.#applied.has(id))
        throw new Error(`certified claim ${id} on a free lock was never paid`);
      const due = askedBy(body.payload);
      if (drawn !== undefined && drawn < due)
        throw new Error(`certified claim ${id} of ${due} was paid ${drawn}`);
    }
  }

  #noteCertified({index}: SimLedgerNode, ids: readonly OpId[]): void {
    for (const id of ids) {
      this.#checkCertified(id);
      this.#certifiedAt.set(id, (this.#certifiedAt.get(id) ?? new Set()).add(index));
    }
  }

  #checkCertified(id: OpId): void {
    const op = this.#ops.get(id);
    if (op === undefined) throw new Error(`certified op ${id}: nobody signed it`);
    const slot = `${op.body.cell}/${op.body.seq}`;
    const why = this.#forbidden.get(id);
    if (why !== undefined && !this.#isPaidNow(op, why)) throw new Error(`certified, but must not be: ${why}`);
    const known = this.#certified.get(slot);
    if (known !== undefined && known.id !== id) throw new Error(`two ops are certified at slot ${slot}`);
    if (known === undefined) this.certifiedOps += 1;
    this.#certified.set(slot, op);
    this.#certifiedIds.add(id);
  }

  /** What paid too little does so no more, once a vote has lowered the fee. */
  #isPaidNow({body: {payload, fee, validFromEpoch}}: Op, why: string): boolean {
    const {assembly} = this.#options;
    if (assembly === undefined || !why.endsWith(UNDERPAID)) return false;
    const last =
      this.#heights.size === 0 ? 0 : Math.max(...[...this.#heights.values()].map(({epoch}) => epoch));
    return Array.from({length: last + 2 - validFromEpoch}, (_, at) => validFromEpoch + at).some((epoch) => {
      const {opFee} = assembly.rulesAt(epoch);
      return opFee !== undefined && fee >= feeOf(payload, opFee);
    });
  }

  #checkCheckpoint(
    node: SimLedgerNode,
    {checkpoint, ops}: Extract<Spoken, {kind: "checkpointed"}>,
    nowMs: number,
  ): void {
    const {height} = checkpoint;
    const known = this.#heights.get(height);
    if (known !== undefined && (known.hash !== checkpoint.hash || known.stateRoot !== checkpoint.stateRoot)) {
      throw new Error(`two checkpoints at height ${height}`);
    }
    this.#heights.set(height, checkpoint);
    for (const id of ops) {
      this.#checkCertified(id);
      this.#applied.add(id);
    }
    this.#bank.note(
      height,
      ops.flatMap((id) => this.#ops.get(id) ?? []),
    );
    const {replica} = node;
    if (replica === undefined || replica.checkpoint.height !== height) return;
    if (known === undefined) {
      this.terms.set(replica.base.register.terms.at(-1)?.sinceEpoch ?? 0, replica.base.register);
      const [violation] = checkInvariants(replica.base, 1);
      if (violation !== undefined) throw new Error(`${violation.invariant}: ${violation.detail}`);
      this.#bank.compare(height, replica.base);
      this.#checkRules(replica);
    }
    if (replica.checkpoint.timeMs > nowMs + this.#options.skewMaxMs)
      throw new Error("a checkpoint from the future");
  }

  /** In force for the next checkpoint, and after it, as the assembly has it. */
  #checkRules({base, epoch, params: inForce}: Replica): void {
    const {assembly} = this.#options;
    for (const at of assembly === undefined ? [] : [epoch - 1, epoch, epoch + 1]) {
      const params = at === epoch ? inForce : paramsAt(base.governance, Math.max(0, at));
      for (const [name, value] of Object.entries(assembly?.rulesAt(Math.max(0, at)) ?? {})) {
        const is = BigInt(params[name as ParamName]);
        if (is !== value) throw new Error(`assembly: ${name} is ${is} in epoch ${at}, should be ${value}`);
      }
    }
  }

  /** Of the claim that asked for this much. One that a vote made too cheap is dead: it was signed again for more. */
  #claimFee(lock: CellId, drawn: bigint): bigint {
    const fees = [...this.#ops.values()].flatMap(({body: {cell, payload, fee}}) =>
      cell === lock && payload.kind === "claim" && askedBy(payload) === drawn ? [fee] : [],
    );
    return fees.length === 0 ? this.#options.opFee : fees.reduce((high, fee) => (fee > high ? fee : high));
  }

  #allowedOf(lock: CellId, {authority}: LockSpec, until: bigint): bigint {
    if (authority.kind !== "clock") return this.#allowed.get(lock) ?? 0n;
    return until > authority.startH ? authority.perH * (until - authority.startH) : 0n;
  }

  /** I7: never two votes for a slot in an epoch, two entries with a number, skip and finalize. */
  #checkRecord({index, seat}: SimLedgerNode, bytes: Uint8Array): void {
    const record = decodeSigningRecord(bytes);
    if (record.kind === "consensus") {
      // A record holds what others signed, too, where its own vote rests on that.
      const votes = record.message.votes.filter(({witness}) => witness === seat);
      const proposals = record.message.proposals.filter(({witness}) => witness === seat);
      if (votes.length + proposals.length === 0) throw new Error(`node ${index} recorded nothing of its own`);
      for (const {kind, height, iteration, hash} of votes) {
        this.#once(`${index}/${kind}/${height}/${iteration}`, hash);
        if (kind !== "notarize") this.#once(`${index}/end/${height}/${iteration}`, kind);
      }
      for (const {checkpoint, iteration, hash} of proposals)
        this.#once(`${index}/propose/${checkpoint.height}/${iteration}`, hash);
      return;
    }
    if (record.kind === "entry") this.#once(`${index}/n/${record.entry.header.n}`, record.entry.hash);
    for (const {epoch, cell, seq, opId} of "votes" in record ? record.votes : [])
      this.#once(`${index}/slot/${epoch}/${cell}/${seq}`, opId);
  }

  /** What is said was recorded before, and an entry's votes are what they are, whatever the record says. */
  #checkWord({index, seat}: SimLedgerNode, {what, bytes}: Word): void {
    for (const [key, value] of this.#signaturesIn(seat, what, bytes)) {
      if (key.startsWith("slot/")) this.#once(`${index}/${key}`, value);
      else this.#recorded(`${index}/${key}`, value);
    }
  }

  /** What a seat binds itself to by these words. */
  *#signaturesIn(
    seat: number | undefined,
    what: Word["what"],
    bytes: Uint8Array,
  ): Generator<[string, string]> {
    if (what === "entry") {
      const entry = this.saw(bytes);
      if (entry.header.witness !== seat) return;
      yield [`n/${entry.header.n}`, entry.hash];
      const epoch = voteEpochOf(entry.header, this.#options);
      for (const {body, id} of this.#votesOf(entry)) yield [`slot/${epoch}/${body.cell}/${body.seq}`, id];
    }
    if (what !== "consensus") return;
    for (const {kind, height, iteration, hash, witness} of this.words.consensus(bytes).votes) {
      if (witness === seat) yield [`${kind}/${height}/${iteration}`, hash];
    }
  }

  *#votesOf({carry, acks}: Entry): Generator<Op> {
    yield* carry;
    for (const {hash, exceptions} of acks) {
      const without = new Set(exceptions);
      for (const [index, op] of (this.#entries.get(hash)?.carry ?? []).entries())
        if (!without.has(index)) yield op;
    }
  }

  #recorded(key: string, value: string): void {
    if (this.#signed.get(key) !== value) throw new Error(`said before it was recorded: ${key}`);
  }

  #once(key: string, value: string): void {
    const known = this.#signed.get(key);
    if (known !== undefined && known !== value) throw new Error(`signed twice: ${key}`);
    this.#signed.set(key, value);
  }
}

/** By its voucher, or by its verdict if that comes to more. */
function askedBy({cumulative, verdict}: Extract<Payload, {kind: "claim"}>): bigint {
  const judged = verdict === undefined ? 0n : verdict.base + verdict.amount;
  return judged > cumulative ? judged : cumulative;
}

/** Applied, or nothing is left to do: claims on a lock that expired, or that was pruned since. */
export function isSettled(view: LedgerState, op: Op): boolean {
  return isResolved(view, op) || (op.body.payload.kind === "claim" && view.lock(op.body.cell) === undefined);
}
