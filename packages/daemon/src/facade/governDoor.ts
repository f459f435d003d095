/** This node's say in what votes decide: what is in force, what is proposed, proposing and voting. */
import type {GovernView, ProposalView, ProposeBody, VoteBody} from "@catalyze/api/schema/govern";
import type {OpView} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import {genesisParams, type Motion, type Proposal, paramsAt} from "@catalyze/core/ledger/governance";
import {CHANGES_MAX} from "@catalyze/core/ledger/governanceCodec";
import {countBallots, isAccepted, passingOf, QUORUM_BPS} from "@catalyze/core/ledger/governing";
import type {Wish} from "@catalyze/core/ledger/op";
import {
  changedParams,
  PARAM_NAMES,
  type ParamName,
  rowOf,
  voteBounds,
} from "@catalyze/core/ledger/paramTable";
import {stakeAtRisk, votingTotal, votingWeight} from "@catalyze/core/ledger/votingWeight";
import type {AccountId} from "@catalyze/core/primitives/id";
import type {GovernFacade} from "../http/nodeFacade.ts";
import {opView} from "./ledgerViews.ts";
import type {MoneyComponents} from "./moneyDoors.ts";
import {parameterViews} from "./parameterViews.ts";

export class GovernDoor implements GovernFacade {
  readonly #components: Pick<MoneyComponents, "ledger" | "identity">;

  constructor(components: Pick<MoneyComponents, "ledger" | "identity">) {
    this.#components = components;
  }

  async show(): Promise<GovernView> {
    const {ledger, identity} = this.#components;
    const state = ledger.checkpointedState();
    const params = ledger.params();
    const total = votingTotal(state, params);
    return {
      epoch: ledger.epoch,
      treasuryUctz: state.totals.treasury.toString(),
      weightUctz: votingWeight(state, identity.account, params).toString(),
      weightTotalUctz: total.toString(),
      quorumUctz: ((total * QUORUM_BPS + 9_999n) / 10_000n).toString(),
      parameters: parameterViews(state.governance, ledger.epoch),
      proposals: state.governance.proposals.map((proposal) => this.#view(proposal)),
    };
  }

  async propose(body: ProposeBody): Promise<OpView> {
    const {ledger, identity} = this.#components;
    const state = ledger.checkpointedState();
    const motion = motionOf(body);
    const {governance} = state;
    const genesis = genesisParams(governance);
    for (const {name, value} of motion.changes) checkBounds(name, value, genesis);
    if (changedParams(paramsAt(governance, ledger.epoch + 1), motion.changes, genesis) === undefined) {
      const message = "These values do not go together: see `ctz govern show`.";
      throw new CodedError("PARAM_OUT_OF_BOUNDS", {message, evidence: {changes: motion.changes.length}});
    }
    const deposit = ledger.params().proposalDeposit;
    const staked = stakeAtRisk(state, identity.account);
    if (staked < deposit) {
      const message = "A proposal needs a stake: its deposit burns when next to nobody says yes.";
      throw new CodedError("VOTE_WITHOUT_STAKE", {
        message,
        evidence: {stakedUctz: staked, neededUctz: deposit},
      });
    }
    const open = governance.proposals.find(({proposer}) => proposer === identity.account);
    if (open !== undefined) {
      const message = `This account has a proposal open, until epoch ${open.untilEpoch} ends.`;
      throw new CodedError("REQUEST_INVALID", {message, evidence: {proposal: open.id}});
    }
    return await this.#govern({kind: "propose", motion});
  }

  async vote({proposal, isYes}: VoteBody): Promise<OpView> {
    const {ledger, identity} = this.#components;
    const state = ledger.checkpointedState();
    const found = state.governance.proposals.filter(({id}) => id.startsWith(proposal));
    const [open] = found;
    if (open === undefined || found.length > 1)
      throw new CodedError("PROPOSAL_UNKNOWN", {evidence: {proposal, open: found.length}});
    if (votingWeight(state, identity.account, ledger.params()) === 0n)
      throw new CodedError("VOTE_WITHOUT_STAKE", {evidence: {stakedUctz: 0n}});
    return await this.#govern({kind: "vote", proposal: open.id, isYes});
  }

  async #govern(wish: Wish): Promise<OpView> {
    const {ledger, identity} = this.#components;
    return opView(await ledger.submit(identity.account, {kind: "govern", wish}), ledger);
  }

  #view(proposal: Proposal): ProposalView {
    const {ledger, identity} = this.#components;
    const state = ledger.checkpointedState();
    const params = ledger.params();
    const {height, timeMs} = ledger.checkpoint();
    const count = countBallots(proposal.ballots, (id: AccountId) => votingWeight(state, id, params));
    const own = proposal.ballots.find(({account}) => account === identity.account);
    const endH = BigInt(proposal.untilEpoch) * BigInt(params.checkpointsPerEpoch);
    const {payment} = proposal;
    return {
      ...{id: proposal.id, proposer: proposal.proposer, untilEpoch: proposal.untilEpoch},
      changes: proposal.changes.map(({name, value}) => ({name, value: value.toString()})),
      ...(payment === undefined ? {} : {payment: {to: payment.to, amountUctz: payment.amount.toString()}}),
      passing: passingOf(proposal),
      endsAtMs: timeMs + Number(endH - height) * params.checkpointIntervalMs,
      depositUctz: proposal.deposit.toString(),
      votes: proposal.ballots.length,
      yesUctz: count.yes.toString(),
      noUctz: count.no.toString(),
      isPassing: isAccepted(proposal, count, votingTotal(state, params)),
      ...(own === undefined ? {} : {ownVote: own.isYes ? ("yes" as const) : ("no" as const)}),
    };
  }
}

/** Changes in the order of their numbers. Throws `PARAM_UNKNOWN`, or `REQUEST_INVALID` for no motion at all. */
function motionOf({changes = [], payment}: ProposeBody): Motion {
  const named = changes.map(({name, value}) => ({name: nameOf(name), value: BigInt(value)}));
  if (new Set(named.map(({name}) => name)).size < named.length || named.length > CHANGES_MAX)
    throw new CodedError("REQUEST_INVALID", {message: "Each parameter once, eight at most."});
  if (named.length === 0 && payment === undefined)
    throw new CodedError("REQUEST_INVALID", {message: "A proposal changes a parameter, or pays somebody."});
  if (payment?.amountUctz === "0") throw new CodedError("AMOUNT_INVALID", {evidence: {amountUctz: 0}});
  named.sort((left, right) => rowOf(left.name).tag - rowOf(right.name).tag);
  return {
    changes: named,
    payment:
      payment === undefined ? undefined : {to: payment.to as AccountId, amount: BigInt(payment.amountUctz)},
  };
}

function nameOf(name: string): ParamName {
  const known = PARAM_NAMES.find((each) => each === name);
  if (known === undefined) throw new CodedError("PARAM_UNKNOWN", {evidence: {name}});
  return known;
}

function checkBounds(name: ParamName, value: bigint, genesis: Parameters<typeof voteBounds>[1]): void {
  const row = rowOf(name);
  const bounds = voteBounds(name, genesis);
  if ("fixed" in row || bounds === undefined) {
    const reason = "fixed" in row ? row.fixed : "";
    const message = `No vote may change ${name}: ${reason}.`;
    throw new CodedError("PARAM_OUT_OF_BOUNDS", {message, evidence: {name}});
  }
  if (value >= bounds.min && value <= bounds.max) return;
  const message = `A vote may set ${name} from ${bounds.min} to ${bounds.max} (${row.unit}).`;
  throw new CodedError("PARAM_OUT_OF_BOUNDS", {message, evidence: {name, value, ...bounds}});
}
