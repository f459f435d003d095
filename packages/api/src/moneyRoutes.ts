/** Routes of wallet, ledger, witnesses and votes. */
import {Type} from "typebox";
import {limit, route} from "./route.ts";
import {AccountText, HashText} from "./schema/fields.ts";
import {GovernView, ProposeBody, VoteBody} from "./schema/govern.ts";
import {
  BackupBody,
  BackupView,
  BalanceList,
  BalanceProofView,
  CellOpList,
  CheckpointList,
  HistoryList,
  LedgerReport,
  LedgerView,
  OpProofView,
  OpView,
  SendBody,
  StakeBody,
  WalletView,
} from "./schema/money.ts";
import {WitnessJoinBody, WitnessStatusView} from "./schema/witness.ts";

export const MONEY_ROUTES = {
  wallet: route({method: "GET", path: "/api/v1/wallet", summary: "Balances by grade", response: WalletView}),
  walletSend: route({
    method: "POST",
    path: "/api/v1/wallet/send",
    summary: "Transfer to an account; answers once certified",
    body: SendBody,
    response: OpView,
  }),
  walletStake: route({
    method: "POST",
    path: "/api/v1/wallet/stake",
    summary: "Put balance at stake; answers once certified",
    body: StakeBody,
    response: OpView,
  }),
  walletUnstake: route({
    method: "POST",
    path: "/api/v1/wallet/unstake",
    summary: "Take stake back: it cools down first, and stays at risk until then",
    body: StakeBody,
    response: OpView,
  }),
  walletHistory: route({
    method: "GET",
    path: "/api/v1/wallet/history",
    summary: "What moved the balance, newest first",
    query: Type.Object({limit}),
    response: HistoryList,
  }),
  walletBackup: route({
    method: "POST",
    path: "/api/v1/wallet/backup",
    summary: "Write the encrypted keystore and signing state to a file",
    body: BackupBody,
    response: BackupView,
  }),
  ledger: route({
    method: "GET",
    path: "/api/v1/ledger",
    summary: "Heads, witnesses, chain",
    response: LedgerView,
  }),
  ledgerBalances: route({
    method: "GET",
    path: "/api/v1/ledger/balances",
    summary: "Every account at the last checkpoint",
    response: BalanceList,
  }),
  ledgerHistory: route({
    method: "GET",
    path: "/api/v1/ledger/history/{id}",
    summary: "Ops that concern an account, a lock, an offer or an asset, out of the logs, newest first",
    params: Type.Object({id: HashText}),
    query: Type.Object({limit}),
    response: CellOpList,
  }),
  ledgerProof: route({
    method: "GET",
    path: "/api/v1/ledger/proof/{account}",
    summary: "What an account holds at the last checkpoint, provable to whoever has the genesis",
    params: Type.Object({account: AccountText}),
    response: BalanceProofView,
  }),
  ledgerOpProof: route({
    method: "GET",
    path: "/api/v1/ledger/certificate/{op}",
    summary: "That one of the latest ops is certified, provable to whoever has the genesis",
    params: Type.Object({op: HashText}),
    response: OpProofView,
  }),
  ledgerVerify: route({
    method: "POST",
    path: "/api/v1/ledger/verify",
    summary: "Check every invariant now",
    response: LedgerReport,
  }),
  ledgerExport: route({
    method: "GET",
    path: "/api/v1/ledger/export",
    summary: "Every record of the ledger as one file, to be verified from the logs elsewhere",
    kind: "bytes",
    response: Type.String({contentEncoding: "binary"}),
  }),
  ledgerCheckpoints: route({
    method: "GET",
    path: "/api/v1/ledger/checkpoints",
    summary: "Checkpoints and anchors, newest first",
    query: Type.Object({limit}),
    response: CheckpointList,
  }),
  witnessStatus: route({
    method: "GET",
    path: "/api/v1/witness",
    summary: "Where this node stands among the witnesses, and why",
    response: WitnessStatusView,
  }),
  witnessJoin: route({
    method: "POST",
    path: "/api/v1/witness/join",
    summary: "Ask for a seat, with more stake first if so; answers once certified",
    body: WitnessJoinBody,
    response: OpView,
  }),
  witnessLeave: route({
    method: "POST",
    path: "/api/v1/witness/leave",
    summary: "Give the seat back at the end of the epoch; answers once certified",
    response: OpView,
  }),
  govern: route({
    method: "GET",
    path: "/api/v1/govern",
    summary: "Parameters in force and to come, and open proposals",
    response: GovernView,
  }),
  governPropose: route({
    method: "POST",
    path: "/api/v1/govern/propose",
    summary: "Put a change of parameters, or a payment, to the vote; answers once certified",
    body: ProposeBody,
    response: OpView,
  }),
  governVote: route({
    method: "POST",
    path: "/api/v1/govern/vote",
    summary: "Vote on an open proposal; answers once certified",
    body: VoteBody,
    response: OpView,
  }),
};
