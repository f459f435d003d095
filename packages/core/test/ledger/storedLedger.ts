/** A ledger of real replicas and its store: payments, a lock, a rotation of keys and a withdrawal over some heights. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {assetIdOf} from "@catalyze/core/ledger/assetIds";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import type {LedgerRecord} from "@catalyze/core/ledger/ledgerRecord";
import {makeSnapshot, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import type {Op} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {type Rederived, rederive} from "@catalyze/core/ledger/rederive";
import type {Replica} from "@catalyze/core/ledger/replica";
import {encodeSnapshotHead} from "@catalyze/core/ledger/snapshot";
import {storedRecords} from "@catalyze/core/ledger/storedRecords";
import {
  checkpointKey,
  heightWrite,
  KEY,
  snapshotChunkKey,
  snapshotHeadKey,
} from "@catalyze/core/ledger/storeKeys";
import {signVoucher} from "@catalyze/core/ledger/voucher";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import type {Write} from "@catalyze/core/ports/store";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AssetId, OpId} from "@catalyze/core/primitives/id";
import {MemoryStore} from "../../../../test/sim/fakes/memoryStore.ts";
import {alice, bob, carol, issue, type Person, person, potLock, transfer, ZERO_MEMO} from "./kit.ts";
import {FIRST, genesisOf, NOW, ownOp, replicaOf, settle, verifier} from "./witnessKit.ts";

export type StoredLedger = {readonly genesis: Genesis; readonly records: ReadonlyMap<string, Uint8Array>};

/** Each signature is looked at once: properties go over the same ledger many times. */
export const cachedVerifier: SignatureVerifier = (() => {
  const known = new Map<string, {valid: boolean; slow: boolean}>();
  return {
    verify(signature, message, publicKey) {
      const key = [signature, message, publicKey].map(toHex).join();
      const answer = known.get(key) ?? verifier.verify(signature, message, publicKey);
      known.set(key, answer);
      return answer;
    },
  };
})();

export type StoredLedgerOptions = {readonly checkpointsPerEpoch?: number};

/** The store of the first of four witnesses after six checkpoints. With short epochs its logs start at the first one's end. */
export function storedLedger({checkpointsPerEpoch}: StoredLedgerOptions = {}): StoredLedger {
  const plain = genesisOf(4);
  const four =
    checkpointsPerEpoch === undefined ? plain : {...plain, params: {...plain.params, checkpointsPerEpoch}};
  const witnesses = four.witnesses.map((each, index) => ({
    ...each,
    evmAddress: `${index + 11}`.repeat(20),
    account: accountIdOf(fromHex(each.voteKey)),
  }));
  const genesis = {...four, witnesses};
  const records = new Map<string, Uint8Array>();
  const replicas = [0, 1, 2, 3].map((index) => replicaOf(genesis, index));
  keepWrites(replicas[0]!, records);
  const rounds = roundsOf(genesis);
  for (const [height, ops] of rounds.entries()) {
    const nowMs = NOW + height * genesis.params.checkpointIntervalMs;
    for (const [index, op] of ops.entries())
      replicas[index % 4]!.step({kind: "op", bytes: op.bytes, from: undefined}, nowMs);
    settle(replicas, nowMs);
    settle(replicas, nowMs + 100);
  }
  return {genesis, records};
}

/** What its shell would write. */
function keepWrites(replica: Replica, records: Map<string, Uint8Array>): void {
  const step = replica.step.bind(replica);
  replica.step = (input, nowMs) => {
    const effects = step(input, nowMs);
    const writes = effects.flatMap((effect): readonly Write[] =>
      effect.kind === "store" ? effect.writes : [],
    );
    for (const {key, value} of writes) value === undefined ? records.delete(key) : records.set(key, value);
    const {checkpoint} = replica;
    if (checkpoint.epoch === 1 && checkpoint.isLastOfEpoch) startHere(replica, records);
    return effects;
  };
}

/** Small chunks, so that there are several. */
const CHUNK_BYTES = 400;

/** As if everything before were pruned that may be. */
function startHere({base, finalCheckpoint}: Replica, records: Map<string, Uint8Array>): void {
  const {height} = finalCheckpoint.checkpoint;
  if (records.has(snapshotHeadKey(height))) return;
  const steps = makeSnapshot(snapshotSource(base, finalCheckpoint), CHUNK_BYTES);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) {
      records.set(snapshotHeadKey(height), encodeSnapshotHead(step.value));
      break;
    }
    if (step.value !== undefined) records.set(snapshotChunkKey(height, step.value.index), step.value.chunk);
  }
  const {key, value} = heightWrite(KEY.begun, height);
  if (value !== undefined) records.set(key, value);
  for (let old = 1n; old < height; old += 1n) records.delete(checkpointKey(old));
}

function roundsOf(genesis: Genesis): readonly (readonly Op[])[] {
  const logs = new Map<string, {seq: bigint; head: OpId}>();
  const write = (who: Person, payload: Op["body"]["payload"], cell = who.account): Op => {
    const slot = logs.get(cell) ?? FIRST;
    const op = ownOp(genesis, {...who, account: cell}, slot, payload);
    logs.set(cell, {seq: slot.seq + 1n, head: op.id});
    return op;
  };
  const newKey = person("alice's new key");
  const address = fromHex("22".repeat(20));
  // What it pays for a seed that nobody issues stays in a pot until the epoch ends.
  const noSeed = "7".repeat(64) as AssetId;
  const open = write(alice, {kind: "open", locks: [{...potLock(noSeed), expiryH: 40n}]});
  const lock = lockIdOf(open.id, 0);
  const hash = fromHex(genesisHash(genesis));
  const voucher = (cumulative: bigint) =>
    signVoucher({lockId: lock, cumulative, contextHash: ZERO_MEMO}, alice, hash);
  const claim = (cumulative: bigint, isFinal: boolean) =>
    write(bob, {kind: "claim", cumulative, voucher: voucher(cumulative), isFinal}, lock as never);
  const issued = write(alice, issue);
  const outputs = [{to: bob.account, amount: 9n}];
  const give = {
    kind: "transfer",
    outputs,
    memo: ZERO_MEMO,
    asset: {id: assetIdOf(issued.id), burn: 1n},
  } as const;
  return [
    // Anybody may credit an account under the id of a lock.
    [open, write(bob, transfer(carol.account, 500n)), write(carol, transfer(lock, 3n))],
    [claim(3_000n, false), write(carol, transfer(alice.account, 70n)), issued],
    [write(alice, {kind: "account", threshold: 1, keys: [newKey.publicKey], exitAddress: address})],
    [write(bob, {kind: "withdraw", amount: 900n, address}), claim(10_000n, true)],
    [
      write({...newKey, account: alice.account}, transfer(bob.account, 5n)),
      write(carol, {kind: "stake", stake: "witness", amount: 1_000n}),
      write({...newKey, account: alice.account}, give),
    ],
    // Of these neither is certified: votes for both are carried over.
    [1n, 2n].map((amount) =>
      ownOp(genesis, carol, logs.get(carol.account) ?? FIRST, transfer(bob.account, amount)),
    ),
  ];
}

export async function storeOf(records: ReadonlyMap<string, Uint8Array>): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.write([...records].map(([key, value]) => ({key, value})));
  return store;
}

export async function recordsOf({records}: Pick<StoredLedger, "records">): Promise<LedgerRecord[]> {
  const all: LedgerRecord[] = [];
  const options = {breathe: () => undefined};
  for await (const record of storedRecords(await storeOf(records), options)) all.push(record);
  return all;
}

export async function verified(genesis: Genesis, records: readonly LedgerRecord[]): Promise<Rederived> {
  async function* each() {
    yield* records;
  }
  return await rederive(each(), {genesis, verifier: cachedVerifier});
}
