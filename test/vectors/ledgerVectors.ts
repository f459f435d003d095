/**
 * Golden bytes of the ledger: what these values encode to today they must encode to for ever, or ids,
 * signatures and roots of running networks break. `CTZ_WRITE_VECTORS=1` rewrites the file; a changed line
 * in its diff is a new version of the protocol.
 */

import {accountIdOf, accountIdOfKeys} from "@catalyze/core/crypto/accountId";
import {apply} from "@catalyze/core/ledger/apply";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import {encodeCell, leafOf} from "@catalyze/core/ledger/cellCodec";
import {checkpointHash, encodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {signVote} from "@catalyze/core/ledger/consensusCodec";
import {type Evidence, encodeEvidence} from "@catalyze/core/ledger/evidenceCodec";
import {encodeGenesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {genesisGovernance, type Motion} from "@catalyze/core/ledger/governance";
import {governanceHash} from "@catalyze/core/ledger/governanceCodec";
import type {LockSpec, Payload} from "@catalyze/core/ledger/op";
import {lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {type LedgerParams, PARAMS_DEMO, PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {post} from "@catalyze/core/ledger/postings";
import {sharePots} from "@catalyze/core/ledger/pots";
import {genesisRegister} from "@catalyze/core/ledger/register";
import {registerHash} from "@catalyze/core/ledger/registerCodec";
import {signVerdict} from "@catalyze/core/ledger/verdict";
import {CONTEXT_START, encodeVoucher, nextContext, signVoucher} from "@catalyze/core/ledger/voucher";
import {withdrawalRoot} from "@catalyze/core/ledger/withdrawals";
import {fromHex, fromUtf8, toHex} from "@catalyze/core/primitives/bytes";
import type {AssetId, Hash, OpId} from "@catalyze/core/primitives/id";
import {finish} from "@catalyze/core/primitives/work";
import {
  alice,
  award,
  bob,
  bodyAt,
  carol,
  cutWith,
  freeSpec,
  issue,
  lockSpec,
  potLock,
  sale,
  testGenesis,
  toCell,
  transfer,
} from "../../packages/core/test/ledger/kit.ts";

type Vector = {readonly name: string; readonly [field: string]: unknown};

const hash = genesisHash(testGenesis);
const genesisBytes = fromHex(hash);
const start = {seq: 0n, head: NO_OP};
const address = new Uint8Array(20).fill(0xee);
const tag = "ab".repeat(32) as Hash;

const seed = "5e".repeat(32) as AssetId;

const specs: readonly LockSpec[] = [
  lockSpec,
  {...lockSpec, tag, authority: {kind: "clock", startH: 7n, perH: 25n}, expiryH: 1_000n},
  {...lockSpec, authority: {kind: "payerOrCommittee", key: carol.publicKey}},
  {
    ...lockSpec,
    authority: {kind: "key", key: carol.publicKey},
    split: [
      {target: {kind: "cell", cell: bob.account}, bps: 9_000},
      {target: {kind: "treasury"}, bps: 1_000},
    ],
  },
  potLock(seed),
];

/** A panel that may pay anybody. */
const panel: LockSpec = {
  ...freeSpec,
  authority: {
    kind: "controller",
    payees: undefined,
    threshold: 2,
    beside: [alice.publicKey, carol.publicKey],
  },
};

const motion: Motion = {
  changes: [
    {name: "opFee", value: 250n},
    {name: "protocolFeeBps", value: 400n},
  ],
  payment: {to: bob.account, amount: 7n},
};

const vote = {kind: "finalize", height: 7n, iteration: 2, witness: 0} as const;
const fork: Evidence = {
  kind: "agreementFork",
  votes: [
    signVote({...vote, hash: tag}, alice, genesisBytes),
    signVote({...vote, hash: "cd".repeat(32) as Hash}, alice, genesisBytes),
  ],
};

function opVectors(): Vector[] {
  const open = signOp(bodyAt(alice.account, start, {kind: "open", locks: specs}), alice, genesisBytes);
  const lockId = lockIdOf(open.id, 0);
  const contextHash = nextContext(CONTEXT_START, tag);
  const voucher = signVoucher({lockId, cumulative: 7_777n, contextHash}, alice, genesisBytes);
  const judged = {taskId: tag, amount: 333n, base: 7_777n, epoch: 1};
  const subject = {lockId, payee: bob.account};
  const signature = signVerdict({...judged, ...subject}, alice, genesisBytes);
  const verdict = {...judged, signatures: [{witness: 0, signature}]};
  const keys = [alice.publicKey, bob.publicKey].sort(Buffer.compare);
  const ops: readonly (readonly [string, Payload])[] = [
    ["transfer", transfer(bob.account, 123_456n)],
    [
      "transfer with memo",
      {
        kind: "transfer",
        outputs: [
          {to: bob.account, amount: 1n},
          {to: carol.account, amount: 2n},
        ],
        memo: tag,
      },
    ],
    [
      "transfer of an asset",
      {
        ...{kind: "transfer", outputs: [{to: bob.account, amount: 3n}], memo: ZERO_HASH},
        asset: {id: assetIdOf(open.id), burn: 4n},
      },
    ],
    ["issue", issue],
    ["open: sale locks", {kind: "open", locks: [], sales: [sale, {...sale, only: bob.account}]}],
    ["open: free locks", {kind: "open", locks: [freeSpec, panel]}],
    ["stake", {kind: "stake", stake: "executor", amount: 5n}],
    ["unstake", {kind: "unstake", stake: "executor", amount: 5n}],
    ["govern: propose", {kind: "govern", wish: {kind: "propose", motion}}],
    ["govern: vote", {kind: "govern", wish: {kind: "vote", proposal: tag as string as OpId, isYes: true}}],
    ["harvest", {kind: "harvest", asset: seed}],
    ["govern: rate", {kind: "govern", wish: {kind: "rate", asset: seed, royaltyBps: 700}}],
    ["notice", {kind: "govern", wish: {kind: "notice", lockId, endH: 51n}}],
    ["accept", {kind: "accept", lockId: lockId, value: 5n, untilH: 51n}],
    ["evidence", {kind: "evidence", proof: encodeEvidence(fork)}],
    ["withdraw", {kind: "withdraw", amount: (1n << 64n) - 1n, address}],
    ["account", {kind: "account", threshold: 2, keys, exitAddress: address}],
  ];
  const claims: readonly (readonly [string, Payload, bigint])[] = [
    ["claim", {kind: "claim", cumulative: 7_000n, voucher, isFinal: false}, 100n],
    ["final claim", {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true}, 0n],
    [
      "claim with a verdict",
      {kind: "claim", cumulative: 0n, voucher: undefined, verdict, isFinal: false},
      100n,
    ],
    [
      "claim with payouts",
      award(0n, [
        {to: toCell(carol.account), amount: 500n},
        {to: {kind: "burn"}, amount: 1n},
      ]),
      100n,
    ],
  ];
  const signed = [
    ...ops.map(([name, payload]) => ({
      name,
      op: signOp(bodyAt(alice.account, start, payload), alice, genesisBytes),
    })),
    {name: "open", op: open},
    ...claims.map(([name, payload, fee]) => ({
      name,
      op: signOp(bodyAt(lockId, start, payload, fee), bob, genesisBytes),
    })),
  ];
  return [
    ...signed.map(({name, op}) => ({
      name: `op: ${name}`,
      bytes: toHex(op.bytes),
      bodyLength: op.bodyBytes.length,
      id: op.id,
    })),
    {name: "lock ids", ids: specs.map((_, index) => lockIdOf(open.id, index))},
    {name: "voucher", bytes: toHex(encodeVoucher(voucher))},
  ];
}

function stateVectors(): Vector[] {
  const base = genesisState(testGenesis);
  const parent = genesisCheckpoint(testGenesis, base);
  const open = signOp(bodyAt(alice.account, start, {kind: "open", locks: specs}), alice, genesisBytes);
  const withdraw = signOp(
    bodyAt(bob.account, start, {kind: "withdraw", amount: 9n, address}),
    bob,
    genesisBytes,
  );
  const {state, checkpoint} = checkpointStep({
    ...cutWith([open, withdraw]),
    base,
    parent,
    heads: [{witness: 0, n: 4n, hash: tag}],
    timeMs: 1_700_000_000_000,
  });
  const issued = signOp(bodyAt(carol.account, start, issue, 300n), carol, genesisBytes);
  const selling = signOp(
    bodyAt(bob.account, {seq: 1n, head: withdraw.id}, {kind: "open", locks: [], sales: [sale]}, 300n),
    bob,
    genesisBytes,
  );
  const closed = state.fork();
  apply(closed, selling, {height: 2n});
  apply(closed, issued, {height: 2n});
  apply(
    closed,
    signOp(
      bodyAt(
        lockIdOf(open.id, 0),
        start,
        {kind: "claim", cumulative: 0n, voucher: undefined, isFinal: true},
        0n,
      ),
      bob,
      genesisBytes,
    ),
    {height: 2n},
  );
  const free = signOp(
    bodyAt(carol.account, {seq: 1n, head: issued.id}, {kind: "open", locks: [panel]}),
    carol,
    genesisBytes,
  );
  apply(closed, free, {height: 2n});
  // What two epochs bring, of which the first was harvested.
  const shared = closed.fork();
  const asset = assetIdOf(issued.id);
  const fill = () =>
    post(shared, [
      {bucket: "deposited", amount: 1_003n},
      {bucket: "pot", seed: asset, amount: 1_003n},
    ]);
  fill();
  finish(sharePots(shared));
  const harvest = {kind: "harvest", asset} as const;
  apply(shared, signOp(bodyAt(carol.account, {seq: 2n, head: free.id}, harvest), carol, genesisBytes), {
    height: 2n,
  });
  fill();
  finish(sharePots(shared));
  const cells = [
    state.account(alice.account)!,
    state.lock(lockIdOf(open.id, 1))!,
    closed.lock(lockIdOf(open.id, 0))!,
    closed.sale(lockIdOf(selling.id, 0))!,
    closed.asset(assetIdOf(issued.id))!,
    closed.lock(lockIdOf(free.id, 0))!,
    shared.pot(assetIdOf(issued.id))!,
    shared.holding(carol.account, assetIdOf(issued.id))!,
  ];
  return [
    ...cells.map((cell) => ({
      name: `cell: ${cell.kind} ${cell.id.slice(0, 8)}`,
      bytes: toHex(encodeCell(cell)),
      leaf: {
        id: toHex(leafOf(cell).id),
        valueHash: toHex(leafOf(cell).valueHash),
        sum: leafOf(cell).sum.toString(),
      },
    })),
    {
      name: "proof",
      root: toHex(state.tree().root()),
      sum: state.tree().sum().toString(),
      path: state
        .tree()
        .prove(leafOf(cells[0]!).id)!
        .path.map(({bit, hash: sibling, sum}) => ({bit, hash: toHex(sibling), sum: sum.toString()})),
    },
    {name: "withdrawals", root: toHex(withdrawalRoot(state.withdrawals()))},
    {name: "checkpoint: genesis", bytes: toHex(encodeCheckpoint(parent)), hash: checkpointHash(parent)},
    {name: "checkpoint: first", bytes: toHex(encodeCheckpoint(checkpoint)), hash: checkpointHash(checkpoint)},
  ];
}

function paramsHashOf(params: LedgerParams): Hash {
  return governanceHash(genesisGovernance({params}));
}

/** Everything, in the order of the file. */
export function ledgerVectors(): readonly Vector[] {
  return [
    {name: "account of a key", publicKey: toHex(alice.publicKey), id: accountIdOf(alice.publicKey)},
    {
      name: "account of two keys",
      id: accountIdOfKeys(2, [alice.publicKey, bob.publicKey].sort(Buffer.compare)),
    },
    {
      name: "genesis",
      json: fromUtf8(encodeGenesis(testGenesis)),
      hash,
      register: registerHash(genesisRegister(testGenesis)),
    },
    {name: "parameters", demo: paramsHashOf(PARAMS_DEMO), production: paramsHashOf(PARAMS_PRODUCTION)},
    ...opVectors(),
    ...stateVectors(),
  ];
}
