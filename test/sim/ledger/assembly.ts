/**
 * A second opinion on votes, as plain as the bank: fed with the ops of each final checkpoint, it says which
 * parameters are in force in which epoch, what the treasury pays and whose deposit burns. It shares no code
 * with the ledger.
 */
import type {Op, Wish} from "@catalyze/core/ledger/op";
import type {CellId, OpId} from "@catalyze/core/primitives/id";

const NAMES = ["entryIntervalMs", "checkpointIntervalMs", "opFee", "lockExpiryHeights"] as const;
type Name = (typeof NAMES)[number];
export type Rules = Readonly<Record<Name, bigint>>;

/** How far from what the genesis says a vote may go: low and high, of a hundred. */
const SPANS: Readonly<Record<Name, readonly [bigint, bigint]>> = {
  entryIntervalMs: [25n, 400n],
  checkpointIntervalMs: [25n, 400n],
  opFee: [1n, 100_000n],
  lockExpiryHeights: [25n, 400n],
};

type Motion = Extract<Wish, {kind: "propose"}>["motion"];
type Open = {
  readonly proposer: CellId;
  readonly motion: Motion;
  readonly until: number;
  readonly words: Map<CellId, boolean>;
};
type Due = {readonly epoch: number; readonly to: CellId; readonly amount: bigint};

export type AssemblyOptions = {
  readonly genesis: Rules;
  /** Epochs for which a vote runs. */
  readonly votingMs: bigint;
  readonly checkpointsPerEpoch: bigint;
  readonly deposit: bigint;
};

/** Stake of an account that votes, and what it may lose. */
export type Stakes = {
  readonly weight: (account: CellId) => bigint;
  readonly atRisk: (account: CellId) => bigint;
  readonly total: () => bigint;
};

export class Assembly {
  readonly #options: AssemblyOptions;
  readonly #open = new Map<OpId, Open>();
  readonly #terms: {readonly since: number; readonly rules: Rules}[];
  #due: Due[] = [];
  /** Votes that ended, and what came of them: for tests that want to know that something happened. */
  readonly tried = {accepted: 0, refused: 0, void: 0, paid: 0, burned: 0};

  constructor(options: AssemblyOptions) {
    this.#options = options;
    this.#terms = [{since: 0, rules: options.genesis}];
  }

  get deposit(): bigint {
    return this.#options.deposit;
  }

  rulesAt(epoch: number): Rules {
    return this.#terms.findLast(({since}) => since <= epoch)!.rules;
  }

  hear({id, body: {cell, payload}}: Op, epoch: number, {weight, atRisk}: Stakes): void {
    if (payload.kind !== "govern") return;
    const {wish} = payload;
    if (wish.kind === "vote" && weight(cell) > 0n) this.#open.get(wish.proposal)?.words.set(cell, wish.isYes);
    if (wish.kind !== "propose") return;
    const isBusy = [...this.#open.values()].some(({proposer}) => proposer === cell);
    if (isBusy || atRisk(cell) < this.#options.deposit) return;
    const {votingMs, checkpointsPerEpoch} = this.#options;
    const heights = ceil(votingMs, this.rulesAt(epoch).checkpointIntervalMs);
    const until = epoch + Number(ceil(heights, checkpointsPerEpoch));
    this.#open.set(id, {proposer: cell, motion: wish.motion, until, words: new Map()});
  }

  /** What is paid, and who loses a deposit, when this epoch ends. */
  end(
    epoch: number,
    {weight, total}: Stakes,
  ): {readonly paid: readonly Due[]; readonly lost: readonly CellId[]} {
    const paid = this.#due.filter((due) => due.epoch === epoch);
    this.#due = this.#due.filter((due) => due.epoch > epoch);
    this.tried.paid += paid.length;
    const lost: CellId[] = [];
    let rules = this.rulesAt(epoch + 1);
    const before = rules;
    for (const [id, {motion, proposer, until, words}] of [...this.#open].sort(byId)) {
      if (until > epoch) continue;
      this.#open.delete(id);
      const sum = (isYes: boolean) =>
        [...words].reduce((all, [account, said]) => all + (said === isYes ? weight(account) : 0n), 0n);
      const [yes, no] = [sum(true), sum(false)];
      if (yes * 10n < total()) lost.push(proposer);
      if (!isCarried(motion, {yes, no, all: total()})) {
        this.tried.refused += 1;
        continue;
      }
      const next = this.#changed(rules, motion);
      this.tried[next === undefined ? "void" : "accepted"] += 1;
      if (next === undefined) continue;
      rules = next;
      if (motion.payment !== undefined) this.#due.push({...motion.payment, epoch: epoch + 1});
    }
    if (rules !== before) this.#terms.push({since: epoch + 2, rules});
    this.tried.burned += lost.length;
    return {paid, lost};
  }

  #changed(rules: Rules, {changes}: Motion): Rules | undefined {
    let next = rules;
    for (const {name, value} of changes) {
      const known = NAMES.find((each) => each === name);
      if (known === undefined) return undefined;
      const first = this.#options.genesis[known];
      const [low, high] = SPANS[known];
      if (value * 100n < first * low || value * 100n > first * high) return undefined;
      next = {...next, [known]: value};
    }
    return next;
  }
}

function isCarried(
  {changes, payment}: Motion,
  {yes, no, all}: {readonly yes: bigint; readonly no: bigint; readonly all: bigint},
): boolean {
  const isGrave = payment !== undefined || changes.some(({name}) => name === "checkpointIntervalMs");
  if (yes + no === 0n || (yes + no) * 5n < all) return false;
  return isGrave ? yes > 2n * no : yes > no;
}

function ceil(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

function byId([left]: readonly [OpId, Open], [right]: readonly [OpId, Open]): number {
  return left < right ? -1 : 1;
}
