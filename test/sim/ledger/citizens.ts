/** Who has a stake and a say: proposes, votes, changes its mind, and now and then asks for what nobody may have. */
import {type Governance, paramsAt} from "@catalyze/core/ledger/governance";
import type {Op} from "@catalyze/core/ledger/op";
import type {ParamChange} from "@catalyze/core/ledger/paramTable";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {AccountId} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {Owner} from "./owners.ts";

/** Nobody asks for less. */
export const FEE_MIN = 40n;

type Sight = {readonly base: LedgerState; readonly others: readonly AccountId[]};

export class Citizen {
  readonly owner: Owner;

  constructor(owner: Owner) {
    this.owner = owner;
  }

  act(random: SeededRandom, {base, others}: Sight): Op[] {
    const {owner} = this;
    const staked = base.account(owner.account)?.staked.executor ?? 0n;
    if (staked < 2_000n && random.chance(0.5))
      return [owner.write({kind: "stake", stake: "executor", amount: BigInt(500 + random.int(3_000))})];
    if (random.chance(0.1))
      return [owner.write({kind: "unstake", stake: "executor", amount: BigInt(1 + random.int(2_000))})];
    const {proposals} = base.governance;
    const wanted = proposals.filter(() => random.chance(0.6));
    const votes = wanted.flatMap(({id}) => {
      const isYes = random.chance(0.8);
      const vote = owner.write({kind: "govern", wish: {kind: "vote", proposal: id, isYes}});
      return random.chance(0.1) ? [vote, this.#vote(id, !isYes)] : [vote];
    });
    // Sometimes while its last one is open still, or with nothing at stake.
    const isAsking = random.chance(proposals.some(({proposer}) => proposer === owner.account) ? 0.1 : 0.5);
    return isAsking ? [...votes, this.#propose(random, base, others)] : votes;
  }

  #vote(proposal: Op["id"], isYes: boolean): Op {
    return this.owner.write({kind: "govern", wish: {kind: "vote", proposal, isYes}});
  }

  #propose(random: SeededRandom, {totals, governance}: LedgerState, others: readonly AccountId[]): Op {
    const payment =
      totals.treasury > 200n && random.chance(0.4)
        ? {to: random.pick(others), amount: BigInt(1 + random.int(20))}
        : undefined;
    const changes = payment !== undefined && random.chance(0.5) ? [] : changesAsked(random, governance);
    return this.owner.write({kind: "govern", wish: {kind: "propose", motion: {changes, payment}}});
  }
}

/** In the order of their numbers. */
function changesAsked(random: SeededRandom, governance: Governance): ParamChange[] {
  const {opFee} = paramsAt(governance, Number.MAX_SAFE_INTEGER);
  // Out of bounds: it takes its slot, may even be voted for, and comes to nothing.
  if (random.chance(0.25)) return [{name: "checkpointIntervalMs", value: 10n}];
  const all: readonly ParamChange[] = [
    {name: "entryIntervalMs", value: BigInt(10 + random.int(40))},
    {name: "checkpointIntervalMs", value: BigInt(600 + random.int(900))},
    {name: "opFee", value: random.chance(0.5) ? opFee + BigInt(1 + random.int(150)) : FEE_MIN},
    {name: "lockExpiryHeights", value: BigInt(60 + random.int(200))},
  ];
  const chosen = all.filter(() => random.chance(0.4));
  return chosen.length > 0 ? chosen : [{name: "opFee", value: BigInt(50 + random.int(300))}];
}
