/** Reads back what a replica wrote, or starts from the genesis where nothing was written yet. */
import {assert} from "../errors/assert.ts";
import type {Store} from "../ports/store.ts";
import {ByteReader} from "../primitives/binary.ts";
import {compareBytes, fromHex, toHex} from "../primitives/bytes.ts";
import type {Hash} from "../primitives/id.ts";
import type {Cell} from "./cell.ts";
import {decodeCell, leafOf, leafOfEncoded, treasuryLeaf} from "./cellCodec.ts";
import {checkpointHash, closedBelow, type Head, voteEpochOf} from "./checkpoint.ts";
import type {Entry} from "./entry.ts";
import {decodeEntry} from "./entryCodec.ts";
import {decodeFinalCheckpoint, type FinalCheckpoint} from "./finality.ts";
import type {Genesis} from "./genesis.ts";
import {genesisCheckpoint, genesisState} from "./genesisState.ts";
import {genesisParams} from "./governance.ts";
import {decodeGovernance, governanceHash} from "./governanceCodec.ts";
import {storedLate} from "./lateCertificates.ts";
import {coveredHeads, type Register} from "./register.ts";
import {decodeRegister, registerHash} from "./registerCodec.ts";
import type {RestoredReplica} from "./replicaTypes.ts";
import {readSigningTable} from "./signingTable.ts";
import {LedgerState} from "./state.ts";
import {forksBelow, logBelow, storedEntry} from "./storedBranches.ts";
import {storedPlaces} from "./storedPlaces.ts";
import {
  cellKey,
  checkpointKey,
  decodeCarried,
  decodeMeta,
  entryKeyAt,
  entryPrefix,
  heightInKey,
  KEY,
  storedHeight,
} from "./storeKeys.ts";
import {storePages} from "./storePages.ts";
import {SumTree, type TreeLeaf} from "./sumTree.ts";

export type RestoreInput = {
  readonly genesis: Genesis;
  readonly store: Store;
  /** Records of the signing table, oldest first. */
  readonly signed: readonly Uint8Array[];
};

const CHECKPOINTS_MAX = 256;

/** A replica that knows the genesis only. */
export function freshReplica(genesis: Genesis): RestoredReplica {
  const base = genesisState(genesis);
  const checkpoint = genesisCheckpoint(genesis, base);
  const final = {checkpoint, hash: checkpointHash(checkpoint), iteration: 0, signatures: []};
  const logs = {floor: [], places: [], loads: [], covered: [], entries: []};
  return {base, checkpoint: final, ...logs, carried: [], checkpoints: [], late: [], signed: []};
}

/** Throws `STORE_CORRUPT` of the store, `DECODE_INVALID` or an `InvariantError` when the records contradict. */
export async function restoreReplica({genesis, store, signed}: RestoreInput): Promise<RestoredReplica> {
  const fresh = freshReplica(genesis);
  const meta = await store.get(KEY.meta);
  if (meta === undefined)
    return {...fresh, signed, entries: await entriesAbove(store, fresh.base.register, [])};
  const {height, hash} = decodeMeta(meta);
  const encoded = await store.get(checkpointKey(height));
  assert(encoded !== undefined, "the last checkpoint is not in the store");
  const checkpoint = decodeFinalCheckpoint(encoded);
  assert(checkpoint.hash === hash, "the last checkpoint is not the one that was adopted");
  const base = await stateOf(fresh.base, store, checkpoint);
  const carriedBytes = await store.get(KEY.carried);
  const carried = carriedBytes === undefined ? {ops: [], entries: []} : decodeCarried(carriedBytes);
  const heads = coveredHeads(checkpoint.checkpoint, base.register);
  const covered = await coveredEntries(store, heads, carried.entries);
  const entries = await entriesAbove(store, base.register, heads);
  const before = await store.range(KEY.checkpoints, {limit: CHECKPOINTS_MAX + 1, reverse: true});
  const begun = (await storedHeight(store, KEY.begun)) ?? 0n;
  // Further down stand ends of epochs only.
  const checkpoints = before
    .slice(1)
    .filter(([key]) => heightInKey(key) >= begun)
    .map(([, bytes]) => bytes)
    .reverse();
  const floor = await floorOf(store, {height, base});
  const graph = await storedPlaces(store);
  const late = await storedLate(store);
  const epoch = voteEpochOf({stampH: height}, genesisParams(base.governance));
  const own = readSigningTable(signed).entries;
  const known = [...floor, ...heads, ...graph.places];
  const forks = await forksBelow(store, [...entries, ...own], {epoch, heads, known});
  return {
    base,
    checkpoint,
    carried: carried.ops,
    floor,
    ...graph,
    covered,
    entries: [...entries, ...forks],
    checkpoints,
    late,
    signed,
  };
}

/** Ends of the logs where the epoch began. */
async function floorOf(
  store: Store,
  {height, base}: {readonly height: bigint; readonly base: LedgerState},
): Promise<readonly Head[]> {
  const closed = closedBelow({height}, genesisParams(base.governance));
  if (closed === 0n) return [];
  const encoded = await store.get(checkpointKey(closed));
  assert(encoded !== undefined, "the last checkpoint of the epoch before is not in the store");
  return coveredHeads(decodeFinalCheckpoint(encoded).checkpoint, base.register);
}

/** Genesis cells, replaced by what checkpoints wrote. Checked against the state root. */
async function stateOf(
  genesisBase: LedgerState,
  store: Store,
  {checkpoint}: FinalCheckpoint,
): Promise<LedgerState> {
  const cells: Cell[] = [];
  const leaves: TreeLeaf[] = [];
  const unchanged = new Map([...genesisBase.accounts()].map((cell) => [cellKey(cell), cell]));
  for await (const [key, bytes] of storePages(store, KEY.cells)) {
    const cell = decodeCell(bytes);
    assert(key === cellKey(cell), "a cell is stored under another id");
    unchanged.delete(key);
    cells.push(cell);
    leaves.push(leafOfEncoded(cell, bytes));
  }
  for (const cell of unchanged.values()) {
    cells.push(cell);
    leaves.push(leafOf(cell));
  }
  const withdrawals: {address: Uint8Array; cumulative: bigint}[] = [];
  for await (const [key, bytes] of storePages(store, KEY.withdrawals)) {
    const address = fromHex(key.slice(KEY.withdrawals.length));
    withdrawals.push({address, cumulative: new ByteReader(bytes).u64()});
  }
  const stored = await store.get(KEY.register);
  const register = stored === undefined ? genesisBase.register : decodeRegister(stored);
  assert(
    registerHash(register) === checkpoint.nextCommitteeHash,
    "the stored register of witnesses is not the checkpoint's",
  );
  const votes = await store.get(KEY.governance);
  const governance = votes === undefined ? genesisBase.governance : decodeGovernance(votes);
  assert(
    governanceHash(governance) === checkpoint.paramsHash,
    "the stored parameters and votes are not the checkpoint's",
  );
  const {totals} = checkpoint;
  leaves.push(treasuryLeaf(totals.treasury));
  const tree = SumTree.ofAscending(ascending(leaves));
  const root = toHex(tree.root()) as Hash;
  assert(root === checkpoint.stateRoot, "the stored cells do not have the checkpoint's root");
  return LedgerState.load({cells, totals, withdrawals, register, governance, tree});
}

/** By id, most of it decided by the first four bytes: ids are hashes, and comparing numbers is fast. */
function ascending(leaves: readonly TreeLeaf[]): readonly TreeLeaf[] {
  const keyed = leaves.map((leaf) => ({leaf, first: firstOf(leaf.id)}));
  keyed.sort((left, right) => left.first - right.first || compareBytes(left.leaf.id, right.leaf.id));
  return keyed.map(({leaf}) => leaf);
}

/** Byte by byte: a view on a short array would move it out of the engine's heap. */
function firstOf(id: Uint8Array): number {
  let first = 0;
  for (let at = 0; at < 4; at += 1) first = first * 256 + (id[at] ?? 0);
  return first;
}

/** The latest entries of the cut, without their ops; with them those of which it did not apply one. */
async function coveredEntries(
  store: Store,
  heads: readonly Head[],
  carried: readonly Head[],
): Promise<Entry[]> {
  const found = new Map<string, Entry>();
  for (const head of heads) {
    for (const [, entry] of await logBelow(store, head)) found.set(entry.hash, entry);
  }
  for (const place of carried) {
    const bytes = await storedEntry(store, place);
    if (bytes !== undefined) found.set(place.hash, decodeEntry(bytes));
  }
  return [...found.values()].sort((left, right) => left.header.timeMs - right.header.timeMs);
}

async function entriesAbove(store: Store, {seats}: Register, heads: readonly Head[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const witness of seats.keys()) {
    const n = heads.find((head) => head.witness === witness)?.n ?? 0n;
    const after = entryKeyAt(witness, n);
    for await (const [, bytes] of storePages(store, entryPrefix(witness), {after}))
      entries.push(decodeEntry(bytes));
  }
  return entries.sort((left, right) => left.header.timeMs - right.header.timeMs);
}
