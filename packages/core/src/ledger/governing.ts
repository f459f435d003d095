/**
 * How votes change what is in force: proposals, ballots, and the count when an epoch ends. Pure functions.
 *
 * A ballot weighs what its account has at stake when the vote ends, so the order in which ballots came, and
 * stake that came and went meanwhile, do not matter. What is accepted at the end of an epoch is known for the
 * whole next one and in force after it.
 */
import type {AccountId, OpId} from "../primitives/id.ts";
import type {Ballot, DuePayment, Governance, Motion, ParamTerm, Proposal} from "./governance.ts";
import {genesisParams, lateWindowH, paramsAt} from "./governance.ts";
import {epochsOf, type LedgerParams} from "./params.ts";
import {changedParams, type Passing, rowOf} from "./paramTable.ts";

/** What an account has at stake, as far as it counts here: µCTZ. */
export type WeightOf = (account: AccountId) => bigint;

/** Open at once, one for each account; one of an account with more stake takes the place of the weakest. */
export const PROPOSALS_MAX = 16;
/** Of one proposal; one of an account with more stake takes the place of the weakest. */
export const BALLOTS_MAX = 256;
/** Votes of less than this share of all stake decide nothing. */
export const QUORUM_BPS = 2_000n;
/** A proposal that less than this share of all stake says yes to costs its proposer the deposit. */
export const SUPPORT_BPS = 1_000n;

const BPS = 10_000n;

export type Proposing = {
  readonly id: OpId;
  readonly proposer: AccountId;
  readonly motion: Motion;
};

export type GoverningContext = {
  readonly weightOf: WeightOf;
  /** Stake that can burn. */
  readonly stakeOf: WeightOf;
  readonly params: LedgerParams;
  readonly epoch: number;
};

/** As it is when the proposer has not the deposit at stake, or has a proposal open, or others weigh more. */
export function propose(
  governance: Governance,
  {id, proposer, motion}: Proposing,
  {weightOf, stakeOf, params, epoch}: GoverningContext,
): Governance {
  const deposit = params.proposalDeposit;
  const isOpen = governance.proposals.some((each) => each.proposer === proposer);
  if (isOpen || stakeOf(proposer) < deposit) return governance;
  const untilEpoch = epoch + epochsOf(params.votingS, params);
  const proposal: Proposal = {...motion, id, proposer, deposit, untilEpoch, ballots: []};
  const proposals = withItem(governance.proposals, proposal, {
    max: PROPOSALS_MAX,
    weight: (each) => weightOf(each.proposer),
    key: (each) => each.id,
  });
  return {...governance, proposals};
}

export type Voting = {readonly account: AccountId; readonly proposal: OpId; readonly isYes: boolean};

/** As it is without stake, or when no such proposal is open. The last word of an account counts. */
export function castBallot(
  governance: Governance,
  {account, proposal: id, isYes}: Voting,
  {weightOf}: Pick<GoverningContext, "weightOf">,
): Governance {
  const at = governance.proposals.findIndex((each) => each.id === id);
  const proposal = governance.proposals[at];
  if (proposal === undefined || weightOf(account) === 0n) return governance;
  const others = proposal.ballots.filter((ballot) => ballot.account !== account);
  const ballot = {account, isYes};
  const ballots = withItem(others, ballot, {
    max: BALLOTS_MAX,
    weight: (each) => weightOf(each.account),
    key: (each) => each.account,
  });
  return {...governance, proposals: governance.proposals.with(at, {...proposal, ballots})};
}

type Ranking<Item> = {
  readonly weight: (item: Item) => bigint;
  readonly key: (item: Item) => string;
};

/** With one more, by key; where that is one too many, without the lightest, of equals the last. One pass: votes are cheap. */
function withItem<Item>(
  items: readonly Item[],
  item: Item,
  {max, weight, key}: Ranking<Item> & {readonly max: number},
): readonly Item[] {
  const at = items.findIndex((each) => key(each) > key(item));
  const all = items.toSpliced(at === -1 ? items.length : at, 0, item);
  if (all.length <= max) return all;
  let lightest = 0;
  let least = weight(all[0] ?? item);
  for (const [index, each] of all.entries()) {
    const own = weight(each);
    if (own > least) continue;
    [lightest, least] = [index, own];
  }
  return all.toSpliced(lightest, 1);
}

export type Count = {readonly yes: bigint; readonly no: bigint};

export function countBallots(ballots: readonly Ballot[], weightOf: WeightOf): Count {
  const sumOf = (isYes: boolean) =>
    ballots
      .filter((ballot) => ballot.isYes === isYes)
      .reduce((sum, {account}) => sum + weightOf(account), 0n);
  return {yes: sumOf(true), no: sumOf(false)};
}

/** What is wrong with it in every network; `undefined` when nothing. */
export function motionProblem({changes, payment}: Motion): string | undefined {
  if (changes.length === 0 && payment === undefined) return "motion";
  if (payment?.amount === 0n) return "amount";
  const isFree = changes.every(({name, value}) => {
    const row = rowOf(name);
    return !("fixed" in row) && value >= row.min && value <= row.max;
  });
  return isFree ? undefined : "parameter";
}

/** Money, and what safety depends on, takes two thirds. */
export function passingOf({changes, payment}: Motion): Passing {
  const isStrict = changes.some(({name}) => {
    const row = rowOf(name);
    return "fixed" in row || row.passing === "twoThirds";
  });
  return isStrict || payment !== undefined ? "twoThirds" : "majority";
}

/** `total`: of all stake. */
export function isAccepted(motion: Motion, {yes, no}: Count, total: bigint): boolean {
  const cast = yes + no;
  if (cast === 0n || cast * BPS < total * QUORUM_BPS) return false;
  return passingOf(motion) === "majority" ? 2n * yes > cast : 3n * yes > 2n * cast;
}

export type VotingEnd = {
  readonly weightOf: WeightOf;
  /** Of all accounts together; what cools counts here and has no vote. */
  readonly total: bigint;
  /** That ends. */
  readonly epoch: number;
  /** Of the checkpoint that ends it. */
  readonly height: bigint;
};

export type VotingResult = {
  readonly governance: Governance;
  /** By proposal. */
  readonly payments: readonly DuePayment[];
  /** To burn of these accounts' stake. */
  readonly lost: readonly {readonly account: AccountId; readonly amount: bigint}[];
};

/** Ends the votes that end with this epoch. */
export function endVotes(before: Governance, end: VotingEnd): VotingResult {
  const {epoch, weightOf, total} = end;
  const ended = before.proposals.filter(({untilEpoch}) => untilEpoch <= epoch);
  const counted = ended.map((proposal) => ({proposal, count: countBallots(proposal.ballots, weightOf)}));
  const accepted = counted
    .filter(({proposal, count}) => isAccepted(proposal, count, total))
    .map(({proposal}) => proposal);
  const lost = counted
    .filter(({count}) => count.yes * BPS < total * SUPPORT_BPS)
    .map(({proposal: {proposer, deposit}}) => ({account: proposer, amount: deposit}));
  const {params, enacted} = enact(before, accepted, epoch);
  const due = enacted.flatMap(({id, payment}): DuePayment[] =>
    payment === undefined ? [] : [{...payment, proposal: id, epoch: epoch + 1}],
  );
  const governance = {
    terms: termsAfter(before, params, end),
    proposals: before.proposals.filter((proposal) => !ended.includes(proposal)),
    payments: [...before.payments.filter((payment) => payment.epoch > epoch), ...due],
  };
  const isSame = ended.length === 0 && before.payments.length === 0 && governance.terms === before.terms;
  const payments = before.payments.filter((payment) => payment.epoch <= epoch);
  return {governance: isSame ? before : governance, payments, lost};
}

/** One motion after the other, by id; one that does not fit behind those before it comes to nothing. */
function enact(governance: Governance, accepted: readonly Proposal[], epoch: number) {
  const genesis = genesisParams(governance);
  const enacted: Proposal[] = [];
  let params = paramsAt(governance, epoch + 1);
  for (const proposal of accepted) {
    const {changes} = proposal;
    const changed = changes.length === 0 ? params : changedParams(params, changes, genesis);
    if (changed === undefined) continue;
    params = changed;
    enacted.push(proposal);
  }
  return {params, enacted};
}

function termsAfter(
  governance: Governance,
  params: LedgerParams,
  {epoch, height}: VotingEnd,
): readonly ParamTerm[] {
  const isChanged = params !== paramsAt(governance, epoch + 1);
  const all = isChanged ? [...governance.terms, {sinceEpoch: epoch + 2, params}] : governance.terms;
  const {checkpointsPerEpoch} = params;
  const windowH = lateWindowH(governance);
  const kept = all.filter((_, index) => {
    const next = all[index + 1];
    if (index === 0 || next === undefined) return true;
    const endH = BigInt(next.sinceEpoch - 1) * BigInt(checkpointsPerEpoch);
    return endH + windowH >= height;
  });
  return kept.length === governance.terms.length && !isChanged ? governance.terms : kept;
}
