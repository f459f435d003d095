/**
 * What votes decide (reference/ledger 6.3, 11.5): the parameters in force and to come, the proposals that are
 * open with the votes on them, and what the treasury is to pay. Part of the ledger's state, and every
 * checkpoint's `paramsHash` names it. How it changes is in `governing.ts`, its bytes in `governanceCodec.ts`.
 */
import {assert} from "../errors/assert.ts";
import type {AccountId, OpId} from "../primitives/id.ts";
import type {Genesis} from "./genesis.ts";
import {heightsOf, type LedgerParams} from "./params.ts";
import type {ParamChange} from "./paramTable.ts";

/** Out of the treasury. */
export type Payment = {readonly to: AccountId; readonly amount: bigint};

/** What a proposal asks for: changes, by number of the parameter, or a payment, or both. */
export type Motion = {
  readonly changes: readonly ParamChange[];
  readonly payment: Payment | undefined;
};

/** The last word of an account on a proposal. Its weight is that of its stake when the vote ends. */
export type Ballot = {readonly account: AccountId; readonly isYes: boolean};

export type Proposal = Motion & {
  /** Of the op that made it. */
  readonly id: OpId;
  readonly proposer: AccountId;
  /** µCTZ of the proposer's stake that burn when next to nobody wants it. */
  readonly deposit: bigint;
  /** The vote ends with this epoch. */
  readonly untilEpoch: number;
  /** By account. */
  readonly ballots: readonly Ballot[];
};

/** In force from its epoch on, up to the next one's. */
export type ParamTerm = {readonly sinceEpoch: number; readonly params: LedgerParams};

/** Accepted, and paid when this epoch ends. */
export type DuePayment = Payment & {readonly proposal: OpId; readonly epoch: number};

export type Governance = {
  /** Ascending. The first is the genesis's, for good: votes stay near it. Others for as long as certificates of their epochs count. */
  readonly terms: readonly ParamTerm[];
  /** By id. */
  readonly proposals: readonly Proposal[];
  /** In the order in which they were accepted. */
  readonly payments: readonly DuePayment[];
};

/** Of a state that belongs to no network yet. */
export const NO_GOVERNANCE: Governance = {terms: [], proposals: [], payments: []};

export function genesisGovernance({params}: Pick<Genesis, "params">): Governance {
  return {terms: [{sinceEpoch: 0, params}], proposals: [], payments: []};
}

/** In force in an epoch whose certificates still count, this one or one of the next. */
export function paramsAt({terms}: Governance, epoch: number): LedgerParams {
  const term = terms.findLast(({sinceEpoch}) => sinceEpoch <= epoch);
  assert(term !== undefined, "a network without parameters");
  return term.params;
}

/** What the network began with. */
export function genesisParams(governance: Governance): LedgerParams {
  return paramsAt(governance, 0);
}

/** Heights for which certificates of a closed epoch may still count, whichever parameters it had. */
export function lateWindowH({terms}: Governance): bigint {
  const windows = terms.map(({params}) => heightsOf(params.lateCertificateWindowS, params));
  return windows.reduce((longest, each) => (each > longest ? each : longest), 0n);
}

/** In force in the epoch before, in this one and in the next: others may be one behind, or ahead. */
export function paramsAround(governance: Governance, epoch: number): readonly LedgerParams[] {
  const near = [epoch - 1, epoch, epoch + 1].map((each) => paramsAt(governance, Math.max(0, each)));
  return [...new Set(near)];
}

/**
 * The highest fee since an op may count, µCTZ: what once paid too little is dead, and stays dead when the fee
 * falls again, so that its owner can sign another op for its slot.
 */
export function feeSince({terms}: Governance, {from, epoch}: {from: number; epoch: number}): bigint {
  return terms
    .filter(({sinceEpoch}, at) => sinceEpoch <= epoch && (terms[at + 1]?.sinceEpoch ?? epoch + 1) > from)
    .reduce((high, {params: {opFee}}) => (opFee > high ? opFee : high), 0n);
}

/** µCTZ that are enough for an op whichever of these epochs its readers are in. */
export function safeFee(governance: Governance, epoch: number): bigint {
  const fees = paramsAround(governance, epoch).map(({opFee}) => opFee);
  return fees.reduce((high, fee) => (fee > high ? fee : high));
}
