/** People, ops and states for ledger tests. Ops are unsigned unless a test is about signatures. */

import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {sha256} from "@catalyze/core/crypto/sha256";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import "@catalyze/core/crypto/verifySignature";
import {type Candidate, Tally} from "@catalyze/core/ledger/certificates";
import type {Proven} from "@catalyze/core/ledger/evidence";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import type {LockSpec, Op, OpBody, Payload, Payout, SaleSpec, SplitTarget} from "@catalyze/core/ledger/op";
import {encodeOpBody, NO_OP, opIdOf} from "@catalyze/core/ledger/opCodec";
import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {Signer} from "@catalyze/core/ports/signer";
import {toHex, utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, CellId, Hash, OpId, PeerId} from "@catalyze/core/primitives/id";
import * as ed25519 from "@noble/ed25519";

export type Person = Signer & {readonly name: string; readonly account: AccountId};

export function person(name: string): Person {
  const secret = sha256(utf8(`test key of ${name}`));
  const publicKey = ed25519.getPublicKey(secret);
  return {name, publicKey, account: accountIdOf(publicKey), sign: (message) => ed25519.sign(message, secret)};
}

export const alice = person("alice");
export const bob = person("bob");
export const carol = person("carol");
export const people = [alice, bob, carol] as const;

export const ZERO_MEMO = "0".repeat(64) as Hash;
export const NETWORK = 0x01020304;

export const testGenesis: Genesis = {
  v: 1,
  name: "test",
  accounts: people.map(({account}) => ({id: account, balance: 1_000_000n})),
  witnesses: [
    {
      peerId: "12D3KooWTestTestTestTestTest" as PeerId,
      voteKey: toHex(person("witness").publicKey),
      evmAddress: "11".repeat(20),
      weight: 1,
      account: alice.account,
    },
  ],
  params: PARAMS_DEMO,
  aliases: {},
};

/** What a checkpoint step needs, with these ops certified by the one witness of the test genesis. */
export function cutWith(ops: readonly Op[]) {
  const tally = new Tally(committeeNow(genesisRegister(testGenesis)));
  for (const op of ops) {
    tally.add(op);
    tally.vote(op.id, 0);
  }
  return {
    ...{heads: [], timeMs: 1_000, tally, params: PARAMS_DEMO},
    expiringClaims: (): Op[] => [],
    soundCopy: ({op}: Candidate) => op,
    prove: (): Proven | undefined => undefined,
  };
}

export type Slot = {readonly seq: bigint; readonly head: OpId};

export function bodyAt(cell: CellId, slot: Slot, payload: Payload, fee = 100n): OpBody {
  return {
    version: 1,
    network: NETWORK,
    cell,
    seq: slot.seq + 1n,
    prev: slot.head,
    validFromEpoch: 0,
    validUntilEpoch: 10,
    fee,
    deps: [],
    payload,
  };
}

/** An op that nobody signed: the fold does not look. */
export function unsigned(body: OpBody): Op {
  const bodyBytes = encodeOpBody(body);
  return {id: opIdOf(bodyBytes), body, bodyBytes, bytes: bodyBytes, signatures: []};
}

/** The next op of a cell as the state has it. */
export function nextOp(state: LedgerState, cell: CellId, payload: Payload, fee = 100n): Op {
  const slot = (payload.kind === "claim" ? state.lock(cell) : state.account(cell)) ?? {seq: 0n, head: NO_OP};
  return unsigned(bodyAt(cell, slot, payload, fee));
}

export function transfer(to: AccountId, amount: bigint): Payload {
  return {kind: "transfer", outputs: [{to, amount}], memo: ZERO_MEMO};
}

/** A thousand shares of something. */
export const issue = {
  ...{kind: "issue", asset: "seed", content: "cd".repeat(32) as Hash, supply: 1_000n, royaltyBps: 500},
} as const satisfies Payload;

/** µCTZ for units of something. */
export const sale: SaleSpec = {
  gives: {asset: undefined, amount: 700n},
  wants: {asset: "ef".repeat(32) as AssetId, amount: 9n},
  ...{only: undefined, expiryH: 50n, refundTo: carol.account},
};

/** 85/5/5/5 with Alice paying Bob, Carol creating, and Dora in the middle. */
export const dora = person("dora");
export const lockSpec: LockSpec = {
  controller: bob.account,
  controllerKey: bob.publicKey,
  amount: 10_000n,
  tag: ZERO_MEMO,
  authority: {kind: "payer", key: alice.publicKey},
  split: [
    {target: {kind: "cell", cell: bob.account}, bps: 8_500},
    {target: {kind: "cell", cell: dora.account}, bps: 500},
    {target: {kind: "cell", cell: carol.account}, bps: 500},
    {target: {kind: "burn"}, bps: 500},
  ],
  expiryH: 50n,
  refundTo: alice.account,
};

/** A bounty of Alice's: Bob judges, and may pay Carol, the treasury, or nobody. */
export const freeSpec: LockSpec = {
  ...lockSpec,
  authority: {
    kind: "controller",
    payees: [{kind: "cell", cell: carol.account}, {kind: "treasury"}, {kind: "burn"}],
    threshold: 1,
    beside: [],
  },
  split: [],
};

export function toCell(cell: AccountId): SplitTarget {
  return {kind: "cell", cell};
}

/** A claim on a free lock that has drawn so much before. */
export function award(
  drawn: bigint,
  payouts: readonly Payout[],
  {fee = 100n, isFinal = false}: {readonly fee?: bigint; readonly isFinal?: boolean} = {},
): Payload {
  const cumulative = payouts.reduce((sum, {amount}) => sum + amount, drawn + fee);
  const claimed = {kind: "claim", cumulative, voucher: undefined, isFinal} as const;
  return payouts.length === 0 ? claimed : {...claimed, payouts};
}

/** The same with what was the broker's for who holds a seed. */
export function potLock(seed: AssetId): LockSpec {
  const split = lockSpec.split.with(1, {target: {kind: "pot", seed}, bps: 500});
  return {...lockSpec, split};
}

/** A claim with a voucher whose signature nobody made: `enabled` looks at its amount only. */
export function claim(lockId: CellId, cumulative: bigint, isFinal = false): Payload {
  const voucher = {lockId, cumulative, contextHash: ZERO_MEMO, signature: new Uint8Array(64)};
  return {kind: "claim", cumulative, voucher, isFinal};
}
