/** Who decides for each node of a changing committee: it stakes and asks for a seat, leaves, and comes back. */
import type {Op} from "@catalyze/core/ledger/op";
import type {Register} from "@catalyze/core/ledger/register";
import {applyForSeat} from "@catalyze/core/ledger/seatRequest";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {Signer} from "@catalyze/core/ports/signer";
import type {AccountId, PeerId} from "@catalyze/core/primitives/id";
import type {SeededRandom} from "../fakes/seededRandom.ts";
import type {Owner} from "./owners.ts";

export type StewardOptions = {
  readonly owner: Owner;
  readonly voteSigner: Signer;
  readonly evmAddress: string;
  readonly peerId: PeerId;
  readonly genesisHash: Uint8Array;
  /** µCTZ for one unit of weight. */
  readonly stakeMin: bigint;
};

export class Steward {
  readonly #options: StewardOptions;

  constructor(options: StewardOptions) {
    this.#options = options;
  }

  /** What it signs after a look at the ledger. */
  act(random: SeededRandom, view: LedgerState): Op[] {
    const {owner} = this.#options;
    if (isIn(view.register, owner.account))
      return random.chance(0.25) ? [owner.write({kind: "govern", wish: {kind: "leave"}})] : [];
    if (random.chance(0.4)) return [];
    const staked = view.account(owner.account)?.staked.witness ?? 0n;
    return [...(staked > 0n ? [] : this.#stake(random)), this.#join()];
  }

  #stake(random: SeededRandom): Op[] {
    const {owner, stakeMin} = this.#options;
    const amount = stakeMin * BigInt(1 + random.int(4)) + BigInt(random.int(Number(stakeMin)));
    return [owner.write({kind: "stake", stake: "witness", amount})];
  }

  #join(): Op {
    const {owner, voteSigner, evmAddress, peerId, genesisHash} = this.#options;
    const wish = applyForSeat({account: owner.account, evmAddress, peerId}, voteSigner, genesisHash);
    return owner.write({kind: "govern", wish});
  }
}

function isIn({seats, candidates}: Register, id: AccountId): boolean {
  return (
    seats.some(({account, standing}) => account === id && standing === "serving") ||
    candidates.some(({account}) => account === id)
  );
}
