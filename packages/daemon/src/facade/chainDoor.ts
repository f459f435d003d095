import type {AnchorView, LedgerView} from "@catalyze/api/schema/money";

/** What the doors show of the settlement chain; absent where none is configured. */
export interface ChainDoor {
  view(): Promise<NonNullable<LedgerView["chain"]>>;
  /** The anchor of an epoch as this node knows it, its root read back once it is on chain. */
  anchorOf(epoch: number): Promise<AnchorView | undefined>;
}
