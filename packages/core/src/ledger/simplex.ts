/**
 * Agreement on the checkpoint of one height: Simplex (Chan & Pass 2023), one decision at a time.
 *
 * Iteration by iteration a leader proposes; each witness votes once for a proposal (`notarize`), and
 * `skip`s when 3Δ pass without progress. A quorum of either ends the iteration. Who saw a notarization and
 * did not skip sends `finalize`; a quorum of those decides. A proposal either extends the last notarized
 * checkpoint, which means proposing it again, or is fresh when every iteration before it was skipped.
 *
 * Safety: nobody honest sends both `skip` and `finalize` for an iteration. So if v is finalized with x, v
 * cannot have been skipped, two quorums for different checkpoints in v share an honest witness that would
 * have voted twice, and every later proposal that an honest witness votes for extends v: it is x again.
 *
 * Pure: what it signs goes out as records first (`output.recorded`), then as messages (`output.signed`).
 */
import type {Hash} from "../primitives/id.ts";
import {ZERO_HASH} from "./cell.ts";
import {
  type ConsensusMessage,
  type ConsensusVote,
  PROPOSALS_MAX,
  type Proposal,
  signProposal,
  signVote,
  VOTES_MAX,
  type VoteKind,
  verifyProposal,
  verifyVote,
} from "./consensusCodec.ts";
import {leaderOf, type SimplexComponents, type SimplexOutput, type SimplexStart} from "./simplexTypes.ts";
import {ITERATIONS_AHEAD_MAX, SimplexVotes} from "./simplexVotes.ts";

/** Patience doubles every few iterations, up to a factor, to outgrow any slow network. */
const PATIENCE = {iterations: 4, factorMax: 16};
/** How often what stands is said again before patience ends: votes can be lost. */
const REPEATS = 3;

export class Simplex {
  readonly height: bigint;
  readonly #components: SimplexComponents;
  readonly #start: SimplexStart;
  readonly #votes: SimplexVotes;
  readonly #proposals = new Map<number, Proposal>();
  /** One for each checkpoint. */
  readonly #byHash = new Map<Hash, Proposal>();
  /** What this witness has signed here: never contradicted. */
  readonly #own = new Map<string, ConsensusVote>();
  #iteration = 1;
  /** Set by the first `advance`: a node that was off has missed nothing of its own time. */
  #enteredMs = Number.POSITIVE_INFINITY;
  #repeatMs = Number.POSITIVE_INFINITY;
  #isStarted = false;
  #isDecided = false;

  constructor(components: SimplexComponents, start: SimplexStart) {
    this.#components = components;
    this.#start = start;
    this.height = start.height;
    this.#votes = new SimplexVotes(components.committee);
    // Own words bind, whatever they are. What others said is checked like anything that comes in: the records may
    // have come from another machine.
    for (const {proposals, votes} of start.recorded) {
      for (const vote of votes) {
        if (vote.witness === components.witness?.index) this.#remember(vote);
        else this.#receiveVote(vote);
      }
      for (const proposal of proposals) {
        if (proposal.witness === components.witness?.index) this.#keep(proposal);
        else this.#receiveProposal(proposal);
      }
    }
  }

  get iteration(): number {
    return this.#iteration;
  }

  /** Every own signed message of this height, with what it rests on. */
  recorded(): ConsensusMessage[] {
    const own = this.#proposalsOf(this.#components.witness?.index);
    const proposals = own.map((each) => ({proposals: [each], votes: []}));
    return [...proposals, ...[...this.#own.values()].map((vote) => this.#withBasis(vote))];
  }

  /**
   * A vote that binds, and what others need before they can join it: the proposal, and under a `finalize` the
   * votes that notarized it. Perhaps one of those came from a bad member that never repeats it.
   */
  #withBasis(vote: ConsensusVote): ConsensusMessage {
    const proposal = this.#byHash.get(vote.hash);
    const {kind, iteration, hash} = vote;
    const certificate = kind === "finalize" ? this.#votes.votes("notarize", iteration, hash) : [];
    return {proposals: proposal === undefined ? [] : [proposal], votes: [...certificate, vote]};
  }

  /** What a witness said here, as far as it fits into one message. */
  wordsOf(seat: number): ConsensusMessage {
    const proposals = this.#proposalsOf(seat).slice(-PROPOSALS_MAX);
    return {proposals, votes: this.#votes.of(seat).slice(-VOTES_MAX)};
  }

  #proposalsOf(seat: number | undefined): Proposal[] {
    return [...this.#proposals.values()].filter(({witness}) => witness === seat);
  }

  /** Takes in what of a message is valid and new. False when a signature in it is wrong. */
  receive({proposals, votes}: ConsensusMessage): boolean {
    let isSound = true;
    for (const proposal of proposals) isSound = this.#receiveProposal(proposal) && isSound;
    for (const vote of votes) isSound = this.#receiveVote(vote) && isSound;
    return isSound;
  }

  /** Does everything that time and messages allow. */
  advance(nowMs: number): SimplexOutput {
    if (!this.#isStarted) this.#enter(nowMs);
    const output: SimplexOutput = {
      ...{signed: [], recorded: [], repeated: []},
      ...{decided: undefined, isContradicted: false},
    };
    // Each round signs something or moves an iteration on; both are finite.
    while (!this.#isDecided && this.#progress(nowMs, output));
    if (!this.#isDecided && nowMs >= this.#repeatMs && this.#components.witness !== undefined) {
      this.#repeatMs = nowMs + this.#patienceMs() / REPEATS;
      output.repeated.push(this.#standing());
    }
    return output;
  }

  /** When `advance` is useful next, if nothing arrives before. */
  wakeMs(nowMs: number): number {
    if (!this.#isStarted) return nowMs;
    // What is due already waits for a message or an entry, not for time.
    const times = [this.#repeatMs, this.#skipMs(), this.#proposeMs()];
    return Math.min(...times.filter((each) => each > nowMs));
  }

  #progress(nowMs: number, output: SimplexOutput): boolean {
    if (this.#decide(output)) return false;
    if (this.#enterNext(nowMs)) return true;
    if (this.#components.witness === undefined) return false;
    return (
      this.#finalize(output) ||
      this.#propose(nowMs, output) ||
      this.#notarize(output) ||
      this.#skip(nowMs, output)
    );
  }

  #decide(output: SimplexOutput): boolean {
    for (let iteration = 1; iteration <= this.#votes.iterationMax; iteration += 1) {
      const hash = this.#votes.finalized(iteration);
      const checkpoint = hash === undefined ? undefined : this.#byHash.get(hash)?.checkpoint;
      if (hash === undefined || checkpoint === undefined) continue;
      const verdict = this.#components.host.judge(checkpoint, hash);
      output.isContradicted ||= verdict === "invalid";
      if (verdict !== "valid") continue;
      const signatures = this.#votes.votes("finalize", iteration, hash);
      output.decided = {checkpoint, hash, iteration, signatures};
      this.#isDecided = true;
      return true;
    }
    return false;
  }

  /** Past the last iteration that ended, by a notarization or by skips. */
  #enterNext(nowMs: number): boolean {
    for (let iteration = this.#votes.iterationMax; iteration >= this.#iteration; iteration -= 1) {
      if (this.#votes.notarized(iteration) === undefined && !this.#votes.isSkipped(iteration)) continue;
      this.#iteration = iteration + 1;
      this.#enter(nowMs);
      return true;
    }
    return false;
  }

  #enter(nowMs: number): void {
    this.#isStarted = true;
    this.#enteredMs = Math.max(nowMs, this.#start.dueMs);
    this.#repeatMs = this.#enteredMs + this.#patienceMs() / REPEATS;
  }

  #finalize(output: SimplexOutput): boolean {
    for (let iteration = 1; iteration < this.#iteration; iteration += 1) {
      const hash = this.#votes.notarized(iteration);
      if (hash === undefined || this.#has("finalize", iteration) || this.#has("skip", iteration)) continue;
      this.#sign("finalize", {iteration, hash}, output);
      return true;
    }
    return false;
  }

  #propose(nowMs: number, output: SimplexOutput): boolean {
    const {witness, genesisHash, host} = this.#components;
    const iteration = this.#iteration;
    if (witness === undefined || this.#leader(iteration) !== witness.index) return false;
    if (this.#proposals.has(iteration) || nowMs < this.#proposeMs()) return false;
    const parent = this.#votes.parentOf(iteration);
    if (parent === undefined) return false;
    const known = parent.hash === undefined ? undefined : this.#byHash.get(parent.hash);
    const checkpoint = parent.hash === undefined ? host.propose(nowMs) : known?.checkpoint;
    if (checkpoint === undefined) return false;
    const draft = {iteration, parent: parent.iteration, checkpoint, witness: witness.index};
    const proposal = signProposal(draft, witness.signer, genesisHash);
    this.#keep(proposal);
    const message = {proposals: [proposal], votes: []};
    output.signed.push(message);
    output.recorded.push(message);
    return true;
  }

  #notarize(output: SimplexOutput): boolean {
    const iteration = this.#iteration;
    const proposal = this.#proposals.get(iteration);
    if (proposal === undefined || this.#has("notarize", iteration)) return false;
    if (!this.#votes.isExtending(proposal)) return false;
    if (this.#components.host.judge(proposal.checkpoint, proposal.hash) !== "valid") return false;
    this.#sign("notarize", {iteration, hash: proposal.hash}, output);
    return true;
  }

  #skip(nowMs: number, output: SimplexOutput): boolean {
    const iteration = this.#iteration;
    if (nowMs < this.#skipMs() || this.#has("skip", iteration) || this.#has("finalize", iteration))
      return false;
    this.#sign("skip", {iteration, hash: ZERO_HASH}, output);
    return true;
  }

  #sign(
    kind: VoteKind,
    {iteration, hash}: {readonly iteration: number; readonly hash: Hash},
    output: SimplexOutput,
  ): void {
    const {witness, genesisHash} = this.#components;
    if (witness === undefined) return;
    const draft = {kind, height: this.height, iteration, hash, witness: witness.index};
    const vote = signVote(draft, witness.signer, genesisHash);
    this.#remember(vote);
    output.signed.push({proposals: [], votes: [vote]});
    output.recorded.push(this.#withBasis(vote));
  }

  /** A notarized checkpoint most likely gets final within Δ: only then is proposing it again of use. */
  #proposeMs(): number {
    const {witness} = this.#components;
    const iteration = this.#iteration;
    if (witness === undefined || this.#leader(iteration) !== witness.index) return Number.POSITIVE_INFINITY;
    if (this.#proposals.has(iteration)) return Number.POSITIVE_INFINITY;
    const isAgain = this.#votes.notarized(iteration - 1) !== undefined;
    return this.#enteredMs + (isAgain ? this.#start.delayMs : 0);
  }

  #skipMs(): number {
    const {witness} = this.#components;
    const isOver = witness === undefined || this.#has("skip", this.#iteration);
    return isOver ? Number.POSITIVE_INFINITY : this.#enteredMs + this.#patienceMs();
  }

  #patienceMs(): number {
    const doublings = Math.floor((this.#iteration - 1) / PATIENCE.iterations);
    return 3 * this.#start.delayMs * Math.min(2 ** doublings, PATIENCE.factorMax);
  }

  #leader(iteration: number): number {
    return leaderOf(this.#components.committee, this.height, iteration);
  }

  #has(kind: VoteKind, iteration: number): boolean {
    return this.#own.has(`${kind}/${iteration}`);
  }

  #remember(vote: ConsensusVote): void {
    this.#own.set(`${vote.kind}/${vote.iteration}`, vote);
    this.#votes.add(vote);
  }

  #keep(proposal: Proposal): void {
    this.#proposals.set(proposal.iteration, proposal);
    this.#byHash.set(proposal.hash, proposal);
  }

  /** What lets another node get to where this one stands: proposal, own votes, and the last certificates. */
  #standing(): ConsensusMessage {
    const proposals: Proposal[] = [];
    const votes: ConsensusVote[] = [];
    for (let iteration = this.#iteration; iteration >= 1; iteration -= 1) {
      const proposal = this.#proposals.get(iteration);
      if (proposal !== undefined && proposals.length < 4) proposals.push(proposal);
      const hash = this.#votes.notarized(iteration) ?? proposal?.hash;
      for (const kind of hash === undefined ? [] : (["notarize", "finalize"] as const))
        votes.push(...this.#votes.votes(kind, iteration, hash));
      votes.push(...this.#votes.votes("skip", iteration));
      const isEnough = this.#votes.notarized(iteration) !== undefined;
      if (isEnough || votes.length > 512) break;
    }
    const own = [...this.#own.values()].filter((vote) => !votes.includes(vote)).slice(-64);
    return {proposals, votes: [...own, ...votes].slice(0, 1_000)};
  }

  #receiveProposal(proposal: Proposal): boolean {
    const {iteration, checkpoint, hash, witness} = proposal;
    if (checkpoint.height !== this.height || iteration > this.#iteration + ITERATIONS_AHEAD_MAX) return true;
    // The first one counts, and its checkpoint stays known. A second is the leader's fault, not the relay's.
    const known = this.#proposals.get(iteration);
    const isUseful =
      known === undefined ||
      (known.hash !== hash && this.#votes.votes("notarize", iteration, hash).length > 0);
    if (!isUseful || (this.#byHash.has(hash) && known !== undefined)) return true;
    if (witness !== this.#leader(iteration) || !verifyProposal(this.#components, proposal).valid)
      return false;
    if (known === undefined) this.#keep(proposal);
    else this.#byHash.set(hash, proposal);
    return true;
  }

  #receiveVote(vote: ConsensusVote): boolean {
    if (vote.height !== this.height || vote.iteration > this.#iteration + ITERATIONS_AHEAD_MAX) return true;
    if (!this.#components.committee.has(vote.witness)) return false;
    if (!this.#votes.isWanted(vote)) return true;
    if (!verifyVote(this.#components, vote).valid) return false;
    this.#votes.add(vote);
    return true;
  }
}
