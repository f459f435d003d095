/**
 * Ops: the signed operations of the ledger (reference/ledger 2.2, amendments 1-7). Types only; the
 * canonical bytes are in `opCodec.ts`, their effect in `apply.ts`.
 */
import type {AccountId, AssetId, CellId, Hash, LockId, OpId} from "../primitives/id.ts";
import type {Candidate} from "./candidate.ts";
import type {Motion} from "./governance.ts";
import type {WitnessSignature} from "./witnessSignatures.ts";

export const OP_VERSION = 1;

/** Numbers on the wire. */
export const OP_TYPE = {
  transfer: 1,
  open: 2,
  claim: 3,
  stake: 4,
  issue: 5,
  harvest: 6,
  withdraw: 7,
  account: 8,
  unstake: 9,
  govern: 10,
  evidence: 11,
  accept: 12,
} as const;

export const STAKE_KIND = {witness: 1, executor: 2, curate: 3} as const;
export type StakeKind = keyof typeof STAKE_KIND;

/** What an asset is: a share of a published product, or a claim on whom it was issued by. */
export const ASSET_KIND = {seed: 1, right: 2} as const;
export type AssetKind = keyof typeof ASSET_KIND;

/** Where a share of a claim goes. */
export type SplitTarget =
  | {readonly kind: "cell"; readonly cell: AccountId}
  | {readonly kind: "burn"}
  | {readonly kind: "treasury"}
  /** For who holds units of a seed at the epoch's end (`pots.ts`). */
  | {readonly kind: "pot"; readonly seed: AssetId};

export type SplitLeg = {readonly target: SplitTarget; readonly bps: number};

/** One payment of a free lock, µCTZ. */
export type Payout = {readonly to: SplitTarget; readonly amount: bigint};

/** Who may raise what a lock pays. Keys are copied in at `open`: later rotations never touch open locks. */
export type Authority =
  | {readonly kind: "payer"; readonly key: Uint8Array}
  | {readonly kind: "key"; readonly key: Uint8Array}
  /** Vouchers by this key, and verdicts of a committee beside them. */
  | {readonly kind: "payerOrCommittee"; readonly key: Uint8Array}
  | {readonly kind: "clock"; readonly startH: bigint; readonly perH: bigint}
  /** A free lock: its controller, a judge, says in each claim who of these is paid how much (`payouts.ts`). */
  | {
      readonly kind: "controller";
      /** Absent: anybody. */
      readonly payees: readonly SplitTarget[] | undefined;
      /** How many of the controller's keys sign a claim: `controllerKey` and those beside it. */
      readonly threshold: number;
      readonly beside: readonly Uint8Array[];
    };

export type LockSpec = {
  /** The only cell whose key writes in the lock's log: the payee, or of a free lock the judge. */
  readonly controller: AccountId;
  /** Copied in at `open`: claims verify against this key whatever the controller rotates later. */
  readonly controllerKey: Uint8Array;
  /** µCTZ set aside. */
  readonly amount: bigint;
  /** Free 32 bytes: which purpose, opaque to the ledger. */
  readonly tag: Hash;
  readonly authority: Authority;
  /** At most 8, sums to 10,000 bps; none on a free lock, where payouts say it all. */
  readonly split: readonly SplitLeg[];
  /** From this checkpoint height on only the system acts, and only towards `refundTo`. */
  readonly expiryH: bigint;
  readonly refundTo: AccountId;
};

/** µCTZ, or units of an asset. */
export type Lot = {
  /** Absent: CTZ. */
  readonly asset: AssetId | undefined;
  readonly amount: bigint;
};

/** Terms of a lock that the system alone moves: matched whole with one that fits, or sent back (`sales.ts`). */
export type SaleSpec = {
  /** Set aside. */
  readonly gives: Lot;
  /** At least, for all of it. */
  readonly wants: Lot;
  /** With nobody else. */
  readonly only: AccountId | undefined;
  /** Not matched after this checkpoint height. */
  readonly expiryH: bigint;
  readonly refundTo: AccountId;
};

/** A payer's signed cumulative maximum on a lock. Off ledger until claimed. */
export type Voucher = {
  readonly lockId: LockId;
  readonly cumulative: bigint;
  /** Chains the receipts that it pays: sha256(previous context ‖ receipt hash). */
  readonly contextHash: Hash;
  readonly signature: Uint8Array;
};

/** A task that a committee says is owed and that no voucher covers. */
export type Awarded = {
  readonly taskId: Hash;
  readonly amount: bigint;
  /** Cumulative µCTZ of the highest voucher that either side had shown: it does not cover the task. */
  readonly base: bigint;
};

/** Signed by seats of more than 2/3 of the weight of the committee of its epoch. Off ledger until claimed. */
export type Verdict = Awarded & {
  readonly epoch: number;
  readonly signatures: readonly WitnessSignature[];
};

export type Payload =
  | {
      readonly kind: "transfer";
      /** µCTZ, or units of `asset`. */
      readonly outputs: readonly {to: AccountId; amount: bigint}[];
      readonly memo: Hash;
      /** Absent: CTZ. `burn`: units that are nobody's any more. */
      readonly asset?: {readonly id: AssetId; readonly burn: bigint};
    }
  /** Makes an asset, all of it the account's; the op's id names it (`assetIds.ts`). */
  | {
      readonly kind: "issue";
      readonly asset: AssetKind;
      readonly content: Hash;
      /** Units. */
      readonly supply: bigint;
      readonly royaltyBps: number;
    }
  /** Takes what the account's units of a seed have earned so far. */
  | {readonly kind: "harvest"; readonly asset: AssetId}
  /** Sale locks come after the others, in the ids too; absent when there are none. */
  | {readonly kind: "open"; readonly locks: readonly LockSpec[]; readonly sales?: readonly SaleSpec[]}
  /** In a lock's log, by its controller. `voucher` is absent for a clock or free lock, and where `cumulative` is zero. */
  | {
      readonly kind: "claim";
      readonly cumulative: bigint;
      readonly voucher: Voucher | undefined;
      /** Only on a `payerOrCommittee` lock. */
      readonly verdict?: Verdict;
      /** Only on a free lock; absent when there are none. `cumulative` counts them, and the fees. */
      readonly payouts?: readonly Payout[];
      /** Closes the lock: the rest returns to `refundTo`. */
      readonly isFinal: boolean;
    }
  | {readonly kind: "stake"; readonly stake: StakeKind; readonly amount: bigint}
  /** `address`: 20 bytes of the EVM account that may take it from the contract. */
  | {readonly kind: "withdraw"; readonly amount: bigint; readonly address: Uint8Array}
  /** Replaces the account's keys and its exit address (20 bytes; zeros for none). */
  | {
      readonly kind: "account";
      readonly threshold: number;
      readonly keys: readonly Uint8Array[];
      readonly exitAddress: Uint8Array;
    }
  /** Binds executor stake to a lock until it closes, at most until a height (`accept.ts`). */
  | {readonly kind: "accept"; readonly lockId: LockId; readonly value: bigint; readonly untilH: bigint}
  /** Ordered: takes its slot and its fee like any op, and acts at the checkpoint (`ordered.ts`). */
  | {readonly kind: "unstake"; readonly stake: StakeKind; readonly amount: bigint}
  /** Ordered: what the owner wants of the network's order. */
  | {readonly kind: "govern"; readonly wish: Wish}
  /** Ordered. The canonical bytes of `evidence.ts`. */
  | {readonly kind: "evidence"; readonly proof: Uint8Array};

export type Wish =
  /** To witness, with the account's witness stake, from the next epoch on in which that is enough. */
  | {
      readonly kind: "join";
      /** Names the account of the op itself. */
      readonly candidate: Candidate;
      /** By the vote key, over the candidate: nobody can claim another's key. */
      readonly proof: Uint8Array;
    }
  /** To witness no longer, from the next epoch on. */
  | {readonly kind: "leave"}
  /** A vote of the network on this; the op's id names it. */
  | {readonly kind: "propose"; readonly motion: Motion}
  /** The account's last word on a proposal that is open. */
  | {readonly kind: "vote"; readonly proposal: OpId; readonly isYes: boolean}
  /** That the clock of a lock that the account pays stops at this height, or as soon as it can (`notice.ts`). */
  | {readonly kind: "notice"; readonly lockId: LockId; readonly endH: bigint}
  /** What a seed that the account issued earns from the next epoch on (`seedRate.ts`). */
  | {readonly kind: "rate"; readonly asset: AssetId; readonly royaltyBps: number};

export type OpBody = {
  readonly version: number;
  /** First 4 bytes of the genesis hash. */
  readonly network: number;
  readonly cell: CellId;
  /** 1 for a cell's first op. */
  readonly seq: bigint;
  /** Op at seq − 1; zeros at seq 1. */
  readonly prev: OpId;
  readonly validFromEpoch: number;
  readonly validUntilEpoch: number;
  /** µCTZ, burned. */
  readonly fee: bigint;
  /** Ops whose credits this one spends: causal hints, at most 4. */
  readonly deps: readonly OpId[];
  readonly payload: Payload;
};

/**
 * An account without an `account` op yet is the single key that hashes to its id; later its current key
 * set and threshold decide. A lock's ops are signed by its `controllerKey`.
 */
export type OpSignature = {readonly publicKey: Uint8Array; readonly signature: Uint8Array};

/** A decoded op with the bytes it came in. `id` hashes the body only, never the signatures. */
export type Op = {
  readonly id: OpId;
  readonly body: OpBody;
  readonly signatures: readonly OpSignature[];
  /** Body ‖ signatures, as received. */
  readonly bytes: Uint8Array;
  /** What the signatures cover, without domain and genesis hash. */
  readonly bodyBytes: Uint8Array;
};
