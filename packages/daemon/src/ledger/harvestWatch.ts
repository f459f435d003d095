/** What harvests bring: how much an op takes out of a pot depends on the checkpoint that it counts in. */
import type {Payload} from "@catalyze/core/ledger/op";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {AccountId, AssetId} from "@catalyze/core/primitives/id";

/** The state of the last checkpoint. */
export type AgreedHoldings = () => Pick<LedgerState, "holding" | "holdings">;

/** µCTZ that came to an account since the last look. */
export type Harvested = {readonly account: AccountId; readonly amount: bigint};

/** A holding, and what it has harvested as far as was told. */
type Told = {readonly account: AccountId; readonly asset: AssetId; amount: bigint};

export class HarvestWatch {
  readonly #agreed: AgreedHoldings;
  readonly #isRecorded: (account: AccountId) => boolean;
  /** Holdings that an op of a recorded account has harvested. */
  readonly #told = new Map<string, Told>();

  constructor(agreed: AgreedHoldings, isRecorded: (account: AccountId) => boolean) {
    this.#agreed = agreed;
    this.#isRecorded = isRecorded;
  }

  /** Call before the first checkpoint. */
  start(): void {
    for (const {account, asset, harvested} of this.#agreed().holdings())
      if (harvested > 0n && this.#isRecorded(account)) this.#tellOf(account, asset).amount = harvested;
  }

  /** An op of this account is certified; its checkpoint may be there already. */
  saw(account: AccountId, payload: Payload): void {
    if (payload.kind === "harvest" && this.#isRecorded(account)) this.#tellOf(account, payload.asset);
  }

  ended(): readonly Harvested[] {
    return [...this.#told.values()].flatMap((told) => {
      const {account, asset, amount: before} = told;
      const after = this.#agreed().holding(account, asset)?.harvested ?? 0n;
      told.amount = after;
      return after > before ? [{account, amount: after - before}] : [];
    });
  }

  #tellOf(account: AccountId, asset: AssetId): Told {
    const key = `${account}/${asset}`;
    const told = this.#told.get(key) ?? {account, asset, amount: 0n};
    this.#told.set(key, told);
    return told;
  }
}
