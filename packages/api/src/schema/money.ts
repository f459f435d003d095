/** Wallet and ledger as every door shows them. */
import {type Static, Type} from "typebox";
import {
  AccountText,
  Big,
  Count,
  GradeText,
  HashText,
  KeyText,
  PeerIdText,
  SignedBig,
  SignedUctz,
  TimeMs,
  Uctz,
} from "./fields.ts";

/** What the stake stands for. */
const StakeKindText = Type.Union([Type.Literal("witness"), Type.Literal("executor"), Type.Literal("curate")]);

export const WalletView = Type.Object({
  account: AccountText,
  /** Of the account: who opens a lock to it needs both. */
  publicKey: KeyText,
  /** Spendable now, by certified ops. */
  balanceUctz: Uctz,
  balanceCheckpointedUctz: Uctz,
  /** Balance and stake in the last final anchor: what an exit would return. Absent while there is none. */
  balanceAnchoredUctz: Type.Optional(Uctz),
  /** At risk, cooling stake included. */
  stakedUctz: Uctz,
  /** Stake on its way back: spendable at a height, so at about this time. */
  cooling: Type.Array(
    Type.Object({stake: StakeKindText, amountUctz: Uctz, matureHeight: Big, matureAtMs: TimeMs}),
  ),
  /**
   * Until this height the account is frozen: its key signed two ops for one slot. Absent for an account in
   * good order. It still receives.
   */
  frozenUntilHeight: Type.Optional(Big),
  /** Set aside in open locks of ours, less what was drawn. */
  lockedUctz: Uctz,
  /** Owed to us by vouchers that we have not claimed yet. */
  receivableUctz: Uctz,
  /** Ops sent and not certified yet. */
  opsPending: Count,
  height: Big,
  witnesses: Count,
  evmAddress: Type.Optional(Type.String()),
});
export type WalletView = Static<typeof WalletView>;

export const MemoText = Type.String({maxLength: 128, description: "its hash goes on the ledger"});

export const SendBody = Type.Object(
  {to: AccountText, amountUctz: Uctz, memo: Type.Optional(MemoText)},
  {additionalProperties: false},
);
export type SendBody = Static<typeof SendBody>;

export const StakeBody = Type.Object({stake: StakeKindText, amountUctz: Uctz}, {additionalProperties: false});
export type StakeBody = Static<typeof StakeBody>;

export const OpView = Type.Object({
  opId: HashText,
  grade: GradeText,
  height: Big,
  witnesses: Count,
  feeUctz: Uctz,
});
/** An op that this node has sent. */
export type OpView = Static<typeof OpView>;

export const HistoryItem = Type.Object({
  atMs: TimeMs,
  kind: Type.String({
    description:
      "an op: transfer, open, claim, issue, stake, unstake, withdraw, account, govern, accept, harvest, evidence; or what a checkpoint did: expiry, sale, matured, fine, payment, slash, forfeit, royalty",
  }),
  /** Positive when our balance rose. */
  amountUctz: SignedUctz,
  feeUctz: Uctz,
  /** Stake that burned: the balance did not change. */
  stakeBurnedUctz: Type.Optional(Uctz),
  /** With `units`: an op that moves several assets is an item for each. */
  assetId: Type.Optional(HashText),
  /** Positive when our holding of the asset rose. */
  units: Type.Optional(SignedBig),
  /** A code of `docs/errors.md`, where something came back because of it. */
  reason: Type.Optional(Type.String()),
  counterparty: Type.Optional(AccountText),
  opId: Type.Optional(HashText),
  lockId: Type.Optional(HashText),
  taskId: Type.Optional(Type.String()),
  grade: GradeText,
  height: Type.Optional(Big),
});
export type HistoryItem = Static<typeof HistoryItem>;

export const HistoryList = Type.Object({items: Type.Array(HistoryItem)});

/** One op in the log of some cell, as it concerns the cell that was asked for. */
export const CellOpView = Type.Object({
  opId: HashText,
  /** When a witness first carried it. */
  atMs: TimeMs,
  /** In whose log it stands: an account's, or, of a claim, a lock's. */
  cell: HashText,
  seq: Big,
  kind: Type.String({
    description:
      "transfer, open, claim, issue, stake, unstake, withdraw, account, govern, accept, harvest, evidence",
  }),
  /** Leaves the account by it, its fee apart; of a claim: drawn from the lock in all, by it and those before. */
  amountUctz: Uctz,
  feeUctz: Uctz,
  /** What the cell that was asked for gets by it, where the op itself says so. */
  receivedUctz: Type.Optional(Uctz),
  assetId: Type.Optional(HashText),
  /** Of the asset: what the cell that was asked for gets, or, where the op is its own, all that moves. */
  units: Type.Optional(Big),
  /** Whom it pays first. */
  to: Type.Optional(AccountText),
  /** The locks and offers that it opens. */
  opens: Type.Array(HashText),
  grade: GradeText,
});
export type CellOpView = Static<typeof CellOpView>;

export const CellOpList = Type.Object({
  id: HashText,
  items: Type.Array(CellOpView),
  /** How far back was looked, when this node has more. */
  sinceMs: Type.Optional(TimeMs),
  /** Height of the snapshot with which the logs of this node begin; absent: with the genesis. */
  begunHeight: Type.Optional(Big),
});
export type CellOpList = Static<typeof CellOpList>;

export const BackupBody = Type.Object(
  {path: Type.String({minLength: 1, maxLength: 4096, description: "absolute; must not exist"})},
  {additionalProperties: false},
);
export type BackupBody = Static<typeof BackupBody>;

export const BackupView = Type.Object({path: Type.String(), bytes: Count, account: AccountText});
export type BackupView = Static<typeof BackupView>;

export const WitnessView = Type.Object({
  peerId: Type.Optional(PeerIdText),
  account: Type.Optional(AccountText),
  weight: Big,
  isSelf: Type.Boolean(),
  isConnected: Type.Boolean(),
  /** Epoch and place in it. */
  lastEntry: Type.Optional(Type.String()),
  /** This node has seen it fork its log in this epoch: its votes count no further. */
  isForked: Type.Boolean(),
});
export type WitnessView = Static<typeof WitnessView>;

export const AnchorView = Type.Object({
  epoch: Count,
  root: HashText,
  /** The same root, read back from the contract. */
  rootOnChain: Type.Optional(HashText),
  tx: Type.Optional(Type.String()),
  state: Type.Enum(["pending", "posted", "final"]),
  postedAtMs: Type.Optional(TimeMs),
});
export type AnchorView = Static<typeof AnchorView>;

export const CheckpointView = Type.Object({
  height: Big,
  epoch: Count,
  hash: HashText,
  stateRoot: HashText,
  isLastOfEpoch: Type.Boolean(),
  signatures: Count,
  atMs: Type.Optional(TimeMs),
  anchor: Type.Optional(AnchorView),
});
export type CheckpointView = Static<typeof CheckpointView>;

export const CheckpointList = Type.Object({checkpoints: Type.Array(CheckpointView)});

export const LedgerView = Type.Object({
  network: Type.String({description: "network id, 8 hex digits"}),
  genesisHash: HashText,
  height: Big,
  epoch: Count,
  stateRoot: Type.Optional(HashText),
  isWitness: Type.Boolean(),
  isRecovering: Type.Boolean(),
  witnesses: Type.Array(WitnessView),
  accounts: Count,
  locksOpen: Count,
  opsPending: Count,
  supplyUctz: Uctz,
  burnedUctz: Uctz,
  chain: Type.Optional(
    Type.Object({
      chainId: Big,
      contract: Type.String(),
      token: Type.String(),
      isReachable: Type.Boolean(),
      lastAnchor: Type.Optional(AnchorView),
    }),
  ),
});
export type LedgerView = Static<typeof LedgerView>;

export const BalanceList = Type.Object({
  height: Big,
  /** Sorted by account id. */
  balances: Type.Array(
    Type.Object({
      account: AccountText,
      balanceUctz: Uctz,
      stakedUctz: Uctz,
      label: Type.Optional(Type.String()),
    }),
  ),
});
/** Every account at the last checkpoint: what peers compare. */
export type BalanceList = Static<typeof BalanceList>;

export const BalanceProofView = Type.Object({
  account: AccountText,
  height: Big,
  genesisHash: HashText,
  /** `balanceProof.ts` of core defines the bytes, and checks them with nothing but the genesis. */
  proof: Type.String({contentEncoding: "base64"}),
});
/** What an account holds at a checkpoint, or that it has never been credited, for whoever trusts nobody. */
export type BalanceProofView = Static<typeof BalanceProofView>;

export const LedgerReport = Type.Object({
  ok: Type.Boolean(),
  height: Big,
  stateRoot: Type.Optional(HashText),
  supplyUctz: Uctz,
  balancesUctz: Uctz,
  lockedUctz: Uctz,
  stakedUctz: Uctz,
  burnedUctz: Uctz,
  withdrawnUctz: Uctz,
  checks: Type.Array(Type.Object({name: Type.String(), ok: Type.Boolean(), detail: Type.String()})),
});
/** What `ledger verify` found: every invariant by name. */
export type LedgerReport = Static<typeof LedgerReport>;

export const OpProofView = Type.Object({
  opId: HashText,
  genesisHash: HashText,
  /** `opProof.ts` of core defines the bytes, and checks them with nothing but the genesis. */
  proof: Type.String({contentEncoding: "base64"}),
});
/** That an op counts, for whoever trusts nobody. */
export type OpProofView = Static<typeof OpProofView>;
