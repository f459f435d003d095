/** What a `govern` op does at its checkpoint. One that cannot have its wish has used its slot and its fee. */
import type {AccountId} from "../primitives/id.ts";
import {castBallot, type GoverningContext, propose} from "./governing.ts";
import {giveNotice} from "./notice.ts";
import type {Op, Wish} from "./op.ts";
import type {LedgerParams} from "./params.ts";
import {join, leave} from "./seating.ts";
import {setRate} from "./seedRate.ts";
import type {LedgerState} from "./state.ts";
import {stakeAtRisk, votingWeight} from "./votingWeight.ts";

export type Wishing = {
  readonly id: Op["id"];
  readonly account: AccountId;
  readonly wish: Wish;
};

/** Without effect it shows in the register, among the proposals, or in the cell that it is about. */
export function grantWish(
  state: LedgerState,
  {id, account, wish}: Wishing,
  {params, epoch, height}: {readonly params: LedgerParams; readonly epoch: number; readonly height: bigint},
): void {
  const {register, governance} = state;
  const context: GoverningContext = {
    weightOf: (each) => votingWeight(state, each, params),
    stakeOf: (each) => stakeAtRisk(state, each),
    ...{params, epoch},
  };
  switch (wish.kind) {
    case "join": {
      const stakeOf = (each: AccountId) => state.account(each)?.staked.witness ?? 0n;
      state.putRegister(join(register, {...wish.candidate, account}, {stakeOf, params, epoch}));
      break;
    }
    case "leave":
      state.putRegister(leave(register, account));
      break;
    case "propose":
      state.putGovernance(propose(governance, {id, proposer: account, motion: wish.motion}, context));
      break;
    case "vote":
      state.putGovernance(castBallot(governance, {...wish, account}, context));
      break;
    case "notice":
      giveNotice(state, {...wish, account}, {height, params});
      break;
    case "rate":
      setRate(state, {...wish, account}, epoch);
  }
}
