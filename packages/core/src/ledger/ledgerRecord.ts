/**
 * What the verification from the logs reads, wherever it comes from: the raw records of a store or of an
 * export, in an order in which each can be checked when it is met. Entries come after what they rest on and
 * before the checkpoint that covers them; then the head, the register, what votes decide, what a restart needs, the cells by id and kind, the withdrawals by address.
 * Where the first logs are gone, a snapshot comes before all that, with the latest entries below its cut.
 */
import type {CellName} from "./cell.ts";

export type LedgerRecord =
  /** The head of the snapshot at which a ledger starts whose first logs are gone, and the chunks of its state. */
  | {readonly kind: "snapshot"; readonly height: bigint; readonly bytes: Uint8Array}
  | {readonly kind: "chunk"; readonly index: number; readonly bytes: Uint8Array}
  /** Where it is kept: what it says of itself may be damaged. */
  | {readonly kind: "entry"; readonly witness: number; readonly n: bigint; readonly bytes: Uint8Array}
  | {readonly kind: "checkpoint"; readonly height: bigint; readonly bytes: Uint8Array}
  /** Which checkpoint the cells belong to. */
  | {readonly kind: "head"; readonly bytes: Uint8Array}
  /** Of witnesses, and what votes decide; each absent while it is as the genesis made it. */
  | {readonly kind: "register" | "governance"; readonly bytes: Uint8Array}
  /** Votes that the last cut carries over; empty where the store has none. */
  | {readonly kind: "carried"; readonly bytes: Uint8Array}
  /** What the cut of a height of the present epoch covers. */
  | {readonly kind: "places"; readonly height: bigint; readonly bytes: Uint8Array}
  | {readonly kind: "cell"; readonly name: CellName; readonly bytes: Uint8Array}
  /** Address: 40 hex digits. */
  | {readonly kind: "withdrawal"; readonly address: string; readonly bytes: Uint8Array};
