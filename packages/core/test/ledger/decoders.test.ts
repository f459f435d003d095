/** Every decoder of ledger bytes from outside, under the same fire. */
import {apply} from "@catalyze/core/ledger/apply";
import {decodeBalanceProof, encodeBalanceProof, proveCell} from "@catalyze/core/ledger/balanceProof";
import {decodeCell, encodeCell} from "@catalyze/core/ledger/cellCodec";
import {decodeCheckpoint, encodeCheckpoint} from "@catalyze/core/ledger/checkpoint";
import {decodeConsensus, encodeConsensus, signProposal, signVote} from "@catalyze/core/ledger/consensusCodec";
import {decodeEntry, signEntry} from "@catalyze/core/ledger/entryCodec";
import {decodeEvidence, type Evidence, encodeEvidence} from "@catalyze/core/ledger/evidenceCodec";
import {decodeFinalCheckpoint, encodeFinalCheckpoint} from "@catalyze/core/ledger/finality";
import {encodeGenesis} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import type {LockSpec, Payload} from "@catalyze/core/ledger/op";
import {addSignature, decodeOp, encodeOp, lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {parseGenesis} from "@catalyze/core/ledger/parseGenesis";
import {decodeSigningRecord, encodeSigningRecord} from "@catalyze/core/ledger/signingRecord";
import {
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotChunk,
  encodeSnapshotHead,
} from "@catalyze/core/ledger/snapshot";
import {decodeVoucher, encodeVoucher} from "@catalyze/core/ledger/voucher";
import {concat, utf8} from "@catalyze/core/primitives/bytes";
import type {AssetId, CellId, Hash} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {type FuzzedDecoder, fuzzDecoder, tryOne} from "../../../../test/fuzz/fuzzDecoder.ts";
import {
  alice,
  award,
  bob,
  bodyAt,
  claim,
  freeSpec,
  issue,
  lockSpec,
  potLock,
  sale,
  testGenesis,
  toCell,
  transfer,
} from "./kit.ts";
import {snapshotOf, stateAfter} from "./snapshotKit.ts";
import {entryOf, genesisOf, witnesses} from "./witnessKit.ts";

const NO_GENESIS = new Uint8Array(32);
const MEMO = "ab".repeat(32) as Hash;
const genesis = genesisOf(4);

const state = genesisState(testGenesis);
const sign = (cell: CellId, payload: Payload) =>
  signOp(bodyAt(cell, {seq: 0n, head: NO_OP}, payload), alice, NO_GENESIS);
const free: LockSpec = {
  ...freeSpec,
  authority: {kind: "controller", payees: undefined, threshold: 2, beside: [alice.publicKey, bob.publicKey]},
};
const open = sign(alice.account, {kind: "open", locks: [lockSpec]});
const lockId = lockIdOf(open.id, 0);
const ops = [
  open,
  sign(alice.account, transfer(bob.account, 5n)),
  sign(alice.account, {kind: "transfer", outputs: [{to: bob.account, amount: 5n}], memo: MEMO}),
  sign(lockId, claim(lockId, 5n, true)),
  sign(lockId, {
    ...{kind: "claim", cumulative: 0n, voucher: undefined, isFinal: false},
    verdict: {
      ...{taskId: MEMO, amount: 9n, base: 5n, epoch: 2},
      signatures: [1, 3].map((witness) => ({witness, signature: new Uint8Array(64).fill(witness)})),
    },
  }),
  sign(
    lockId,
    award(0n, [
      {to: {kind: "burn"}, amount: 9n},
      {to: toCell(bob.account), amount: 5n},
    ]),
  ),
  sign(alice.account, {kind: "open", locks: [freeSpec, free]}),
  sign(alice.account, {kind: "withdraw", amount: 7n, address: new Uint8Array(20).fill(9)}),
  sign(alice.account, {
    kind: "account",
    threshold: 2,
    keys: [alice.publicKey, bob.publicKey],
    exitAddress: new Uint8Array(20),
  }),
  sign(alice.account, issue),
  sign(alice.account, {kind: "open", locks: [lockSpec], sales: [sale, {...sale, only: bob.account}]}),
  sign(alice.account, {
    ...{kind: "transfer", outputs: [{to: bob.account, amount: 5n}], memo: MEMO},
    asset: {id: MEMO as string as AssetId, burn: 3n},
  }),
  sign(alice.account, {kind: "unstake", stake: "witness", amount: 3n}),
  sign(alice.account, {kind: "harvest", asset: lockId}),
  sign(alice.account, {kind: "govern", wish: {kind: "rate", asset: lockId, royaltyBps: 700}}),
  sign(alice.account, {kind: "open", locks: [potLock(lockId)]}),
  sign(alice.account, {kind: "govern", wish: {kind: "notice", lockId, endH: 9n}}),
  sign(alice.account, {kind: "accept", lockId, value: 7n, untilH: 9n}),
  sign(alice.account, {kind: "evidence", proof: Uint8Array.of(1, 0, 0, 0)}),
  addSignature(sign(alice.account, {kind: "stake", stake: "curate", amount: 1n}), bob, NO_GENESIS),
];
apply(state, open, {height: 1n});

const head = {witness: 3, n: 7n, hash: MEMO};
const checkpoint = {...genesisCheckpoint(testGenesis), heads: [head, {...head, witness: 5}]};
const first = entryOf(genesis, {witness: 1, carry: ops.slice(0, 3)});
const acks = [{hash: first.hash, exceptions: [0, 2]}];
const entry = entryOf(genesis, {witness: 0, refs: [first], carry: ops.slice(3, 5), acks});
const voteOf = (kind: "notarize" | "skip" | "finalize", hash: Hash) =>
  signVote({kind, height: 3n, iteration: 2, hash, witness: 1}, witnesses[1]!, NO_GENESIS);
const votes = [voteOf("notarize", MEMO), voteOf("skip", "0".repeat(64) as Hash), voteOf("finalize", MEMO)];
const proposal = signProposal({iteration: 2, parent: 1, checkpoint, witness: 1}, witnesses[1]!, NO_GENESIS);
const message = {proposals: [proposal], votes};
const signatures = [0, 2, 3].map((witness) => ({witness, signature: new Uint8Array(64).fill(witness)}));
const final = {checkpoint, hash: proposal.hash, iteration: 2, signatures};
const slot = {epoch: 1, cell: alice.account, seq: 4n, opId: open.id};
const records = [
  {kind: "entry" as const, entry, votes: [slot]},
  {kind: "consensus" as const, message},
  {kind: "votes" as const, votes: [slot, {...slot, seq: 5n}]},
];
const path = {index: 1, count: 3, siblings: [new Uint8Array(32).fill(3)]};
const carrier = {headerBytes: first.headerBytes, op: 1, path};
const ackVote = {headerBytes: entry.headerBytes, ack: {hash: first.hash, exceptions: [0, 2]}, path};
const signature = new Uint8Array(64).fill(5);
const evidence: readonly Evidence[] = [
  {
    kind: "certificate",
    certificate: {
      ops: ops.slice(0, 2),
      carriers: [carrier],
      votes: [
        {carrier: 0, signature, ack: undefined},
        {carrier: 0, signature, ack: ackVote},
      ],
    },
  },
  {kind: "entryFork", entries: [first, entry]},
  {kind: "agreementFork", votes: [votes[0]!, votes[2]!]},
];
const proofs = [alice.account, "0f".repeat(32) as CellId].map((id) =>
  proveCell({kind: "account", id}, state, {final, handovers: []}),
);
const {head: snapshotHead, chunks: snapshotChunks} = snapshotOf(stateAfter([open], 4, 3n), 700);
const withdrawals = [1, 2].map((at) => ({address: new Uint8Array(20).fill(at), cumulative: BigInt(at)}));
const voucher = {lockId, cumulative: 5n, contextHash: MEMO, signature: new Uint8Array(64).fill(7)};

const DECODE = ["DECODE_INVALID"];
const decoders: Record<string, FuzzedDecoder> = {
  op: {roundTrip: (bytes) => encodeOp(decodeOp(bytes)), samples: ops.map(({bytes}) => bytes), codes: DECODE},
  entry: {roundTrip: entryAgain, samples: [first.bytes, entry.bytes], codes: DECODE},
  checkpoint: {
    roundTrip: (bytes) => encodeCheckpoint(decodeCheckpoint(bytes)),
    samples: [encodeCheckpoint(checkpoint)],
    codes: DECODE,
  },
  consensus: {
    roundTrip: (bytes) => encodeConsensus(decodeConsensus(bytes)),
    samples: [encodeConsensus(message), encodeConsensus({proposals: [], votes})],
    codes: DECODE,
  },
  voucher: {
    roundTrip: (bytes) => encodeVoucher(decodeVoucher(bytes)),
    samples: [encodeVoucher(voucher)],
    codes: DECODE,
  },
  "final checkpoint": {
    roundTrip: (bytes) => encodeFinalCheckpoint(decodeFinalCheckpoint(bytes)),
    samples: [encodeFinalCheckpoint(final)],
    codes: DECODE,
  },
  "signing record": {
    roundTrip: (bytes) => encodeSigningRecord(decodeSigningRecord(bytes)),
    samples: records.map(encodeSigningRecord),
    codes: DECODE,
  },
  cell: {
    roundTrip: (bytes) => encodeCell(decodeCell(bytes)),
    samples: [
      encodeCell(state.account(alice.account)!),
      encodeCell({...state.account(alice.account)!, leaving: 3n, accepts: [{lockId, value: 7n, untilH: 9n}]}),
      encodeCell(state.lock(lockId)!),
      encodeCell({...state.lock(lockId)!, spec: free}),
      encodeCell({
        ...{kind: "asset", id: lockId, issuer: alice.account, asset: "right", content: MEMO, royaltyBps: 7},
        ...{nextBps: 8, nextEpoch: 5, supply: 9n, burned: 2n},
      }),
      encodeCell({
        ...{
          kind: "sale",
          openOp: open.id,
          id: lockId,
          payer: alice.account,
          spec: sale,
          in: 9n,
          out: 2n,
          sinceH: 3n,
          rank: MEMO,
        },
        ...{isPlaced: true, isClosed: false, closedAt: 0n, partner: lockId, exitAddress: new Uint8Array(20)},
      }),
      encodeCell({
        ...{kind: "holding", id: lockId, account: alice.account, asset: lockId},
        ...{in: 9n, out: 2n, onSale: 3n, perUnit: 1n << 191n, earned: 1n << 130n, harvested: 4n},
      }),
      encodeCell({kind: "pot", id: lockId, in: 9n, out: 2n, perUnit: 1n << 191n, shared: 7n << 128n}),
      encodeCell({
        ...state.lock(lockId)!,
        awarded: [1n, 2n].map((base) => ({taskId: MEMO, amount: 7n, base})),
      }),
    ],
    codes: DECODE,
  },
  evidence: {
    roundTrip: (bytes) => encodeEvidence(decodeEvidence(bytes)),
    samples: evidence.map(encodeEvidence),
    codes: DECODE,
  },
  "balance proof": {
    roundTrip: (bytes) => encodeBalanceProof(decodeBalanceProof(bytes)),
    samples: proofs.map(encodeBalanceProof),
    codes: DECODE,
  },
  "snapshot head": {
    roundTrip: (bytes) => encodeSnapshotHead(decodeSnapshotHead(bytes)),
    samples: [encodeSnapshotHead({...snapshotHead, final, withdrawals}), encodeSnapshotHead(snapshotHead)],
    codes: DECODE,
  },
  "snapshot chunk": {
    roundTrip: (bytes) => encodeSnapshotChunk(decodeSnapshotChunk(bytes)),
    samples: snapshotChunks,
    codes: DECODE,
  },
  // JSON has many texts for one genesis; its hash is of the canonical one.
  genesis: {
    roundTrip: (bytes) => {
      const read = encodeGenesis(parseGenesis(new TextDecoder().decode(bytes)));
      expect(encodeGenesis(parseGenesis(new TextDecoder().decode(read)))).toEqual(read);
      return undefined;
    },
    samples: [encodeGenesis(testGenesis), utf8("{}")],
    codes: ["GENESIS_INVALID"],
  },
};

/** The bytes of an entry are its author's: written again from what was read, with the signature put back. */
function entryAgain(bytes: Uint8Array): Uint8Array {
  const {header, carry, acks: read, signature} = decodeEntry(bytes);
  const again = carry.map((op) => ({...op, bytes: encodeOp(op)}));
  return signEntry(
    {header, carry: again, acks: read},
    {publicKey: NO_GENESIS, sign: () => signature},
    NO_GENESIS,
  ).bytes;
}

describe.each(Object.entries(decoders))("%s decoder", (name, decoder) => {
  it("reads what was written", async () => {
    for (const sample of decoder.samples.slice(0, 1)) {
      const again = await decoder.roundTrip(sample);
      if (again !== undefined) expect(again).toEqual(sample);
    }
  });

  it("takes nothing for true but the one encoding, refuses with its code, and stays small", async () => {
    expect(await fuzzDecoder(name, decoder)).toBeGreaterThanOrEqual(0);
  });

  it("accepts no second encoding: every byte changed, every length cut, a byte added", async () => {
    for (const sample of decoder.samples) {
      for (let at = 0; at < sample.length; at += sample.length > 200 ? 5 : 1) {
        for (const value of [0, 1, 2, 3, 0xff, sample[at]! ^ 0x80])
          await tryOne(decoder, sample.with(at, value));
        await tryOne(decoder, sample.subarray(0, at));
      }
      await tryOne(decoder, concat(sample, Uint8Array.of(0)));
    }
  });
});
