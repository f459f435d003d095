/** Every command of `ctz`, in the order of the overview. */
import type {Command} from "./command.ts";
import {walletAssets, walletBurn, walletIssue} from "./commands/assets.ts";
import {completion} from "./commands/completion.ts";
import {configGet, configList, configSet} from "./commands/config.ts";
import {demo} from "./commands/demo.ts";
import {doctor} from "./commands/doctor.ts";
import {down} from "./commands/down.ts";
import {governList, governPropose, governShow, governVote} from "./commands/govern.ts";
import {init} from "./commands/init.ts";
import {ledgerBalances, ledgerCheckpoints, ledgerShow} from "./commands/ledger.ts";
import {ledgerExport} from "./commands/ledgerExport.ts";
import {ledgerHistory} from "./commands/ledgerHistory.ts";
import {ledgerProof} from "./commands/ledgerProof.ts";
import {ledgerVerify} from "./commands/ledgerVerify.ts";
import {lockAccept, lockClaim, lockNotice, lockOpen, lockPay, lockTake} from "./commands/lock.ts";
import {lockAward, lockBond, lockBounty, lockSign} from "./commands/lockJudge.ts";
import {lockList} from "./commands/lockList.ts";
import {marketAsks, peerList} from "./commands/market.ts";
import {modelAdd, modelList} from "./commands/model.ts";
import {nodeInfo, nodeWhy} from "./commands/node.ts";
import {quote} from "./commands/quote.ts";
import {walletHarvest, walletRate} from "./commands/royalties.ts";
import {run} from "./commands/run.ts";
import {walletBuy, walletSales, walletSell} from "./commands/sales.ts";
import {status} from "./commands/status.ts";
import {taskCancel, taskExplain, taskList, taskReceipt, taskShow} from "./commands/task.ts";
import {up} from "./commands/up.ts";
import {version} from "./commands/version.ts";
import {walletHistory, walletSend, walletShow, walletStake, walletUnstake} from "./commands/wallet.ts";
import {walletBackup, walletRestore} from "./commands/walletBackup.ts";
import {witnessJoin, witnessLeave, witnessStatus} from "./commands/witness.ts";
import {witnessExport, witnessImport} from "./commands/witnessTable.ts";
import type {GroupSummaries} from "./parseArgs.ts";

export const COMMANDS: readonly Command[] = [
  up,
  init,
  status,
  run,
  quote,
  taskList,
  taskShow,
  taskExplain,
  taskReceipt,
  taskCancel,
  walletShow,
  walletSend,
  walletStake,
  walletUnstake,
  walletAssets,
  walletIssue,
  walletBurn,
  walletHarvest,
  walletRate,
  walletSales,
  walletSell,
  walletBuy,
  walletHistory,
  walletBackup,
  walletRestore,
  lockOpen,
  lockBounty,
  lockBond,
  lockList,
  lockPay,
  lockTake,
  lockClaim,
  lockNotice,
  lockAccept,
  lockAward,
  lockSign,
  marketAsks,
  peerList,
  modelAdd,
  modelList,
  ledgerShow,
  ledgerHistory,
  ledgerVerify,
  ledgerExport,
  ledgerProof,
  ledgerCheckpoints,
  ledgerBalances,
  witnessStatus,
  witnessJoin,
  witnessLeave,
  witnessExport,
  witnessImport,
  governList,
  governShow,
  governPropose,
  governVote,
  nodeInfo,
  nodeWhy,
  configList,
  configGet,
  configSet,
  down,
  doctor,
  demo,
  completion(() => ({commands: COMMANDS, groups: GROUPS})),
  version,
];

export const GROUPS: GroupSummaries = {
  task: "Tasks of this node: list, show, explain, receipt, cancel",
  wallet: "Money and assets: show, send, stake, assets, harvest, sales, history, backup, restore",
  lock: "Money set aside for another: open, bounty, bond, list, pay, take, claim, award, sign",
  market: "What is sold: asks",
  witness: "This node's part in agreeing on the ledger: status, join, leave",
  govern: "What is in force, and votes on it: list, show, propose, vote",
  peer: "Connected peers: list",
  model: "Models: add, list",
  ledger: "The replicated ledger: show, verify, export, proof, checkpoints, balances",
  node: "This node: info, why it earns or not",
  config: "Settings: list, get, set",
};
