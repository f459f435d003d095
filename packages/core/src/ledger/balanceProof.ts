/**
 * What a light client checks (reference/ledger 8.5): a cell as it stood at a final checkpoint, with its path
 * in the state's sum tree and the quorum's signatures. Stands alone: no store, no network, nothing but the
 * genesis of the network that the reader trusts.
 *
 *   version u8 | handovers: u16 ≤ 1024, handover… | final checkpoint
 *   | cell, or the encoding of another one where this one would stand
 *   | path: u16 ≤ 256, (bit u8 | hash 32 | sum u128)…      from the leaf upwards
 *
 * A cell that is not there is proven too: the lookup of its leaf ends at another leaf (or the treasury's,
 * with an empty cell), which the same path leads to.
 */
import {LIMITS} from "@catalyze/proto/limits";
import {CodedError} from "../errors/codedError.ts";
import type {SignatureVerifier} from "../ports/signer.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import {equalBytes, fromHex} from "../primitives/bytes.ts";
import {refuse, writeU16} from "./canonical.ts";
import {type Cell, type CellName, type CellOf, liabilitiesOf} from "./cell.ts";
import {decodeCell, encodeCell, leafIdOf, leafOf, treasuryLeaf} from "./cellCodec.ts";
import type {Checkpoint} from "./checkpoint.ts";
import {decodeFinalCheckpoint, encodeFinalCheckpoint, type FinalCheckpoint, isProven} from "./finality.ts";
import {type Genesis, genesisHash, networkIdOf} from "./genesis.ts";
import {followHandovers, HANDOVERS_MAX, type Handover, readHandover, writeHandover} from "./handover.ts";
import type {LedgerState} from "./state.ts";
import {pathLeadsTo, type TreeLeaf, type TreeStep, verifyProof} from "./sumTree.ts";
import {readTreeSteps, writeTreeSteps} from "./treeSteps.ts";

const VERSION = 2;
const CELL_BYTES_MAX = 64 * 1024;
/** Some 2 KiB, and as much again for each change of committee since the genesis, more with many seats. */
export const PROOF_BYTES_MAX = 8 * 1024 * 1024;

export type BalanceProof = {
  /** Every change of committee from the genesis to the checkpoint. */
  readonly handovers: readonly Handover[];
  readonly final: FinalCheckpoint;
  /** Where the lookup ends; `undefined` for the treasury's leaf. */
  readonly found: Cell | undefined;
  readonly path: readonly TreeStep[];
};

type Kind = Cell["kind"];

export type ProvenCell<K extends Kind = Kind> = {
  /** `undefined`: there is no such cell at this checkpoint. */
  readonly cell: CellOf<K> | undefined;
  readonly checkpoint: Checkpoint;
  /** Whose signatures it carries, by seat. */
  readonly witnesses: readonly number[];
  /** Members of the committee that could have signed. */
  readonly committeeSize: number;
};

/** `state` must be the very state that the checkpoint's root is of. */
export function proveCell(
  name: CellName,
  state: LedgerState,
  {final, handovers}: Pick<BalanceProof, "final" | "handovers">,
): BalanceProof {
  const {leaf, path} = state.tree().lookUp(leafIdOf(name.kind, name.id));
  const found = cellAt(state, name, leaf);
  return {handovers, final, found, path};
}

export function encodeBalanceProof({handovers, final, found, path}: BalanceProof): Uint8Array {
  const writer = new ByteWriter().u8(VERSION);
  writeU16(writer, handovers.length);
  for (const handover of handovers) writeHandover(writer, handover);
  writer.bytes(encodeFinalCheckpoint(final));
  writer.bytes(found === undefined ? new Uint8Array() : encodeCell(found));
  writeTreeSteps(writer, path);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. Nothing is proven by that alone: see `checkCell`. */
export function decodeBalanceProof(bytes: Uint8Array): BalanceProof {
  if (bytes.length > PROOF_BYTES_MAX) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const handoverCount = reader.count(reader.u16(), HANDOVERS_MAX);
  const handovers = Array.from({length: handoverCount}, () => readHandover(reader));
  const final = decodeFinalCheckpoint(reader.bytes(LIMITS.marketFrameBytesMax));
  const cell = reader.bytes(CELL_BYTES_MAX);
  const path = readTreeSteps(reader);
  reader.finish();
  return {handovers, final, found: cell.length === 0 ? undefined : decodeCell(cell), path};
}

/**
 * The cell of this name at the proof's checkpoint, or that there is none. Throws `PROOF_INVALID` with the
 * step that does not hold. How old the checkpoint is, is the reader's to judge by `timeMs`.
 */
export function checkCell<K extends Kind>(
  name: CellName<K>,
  {handovers, final, found, path}: BalanceProof,
  {genesis, verifier}: {readonly genesis: Genesis; readonly verifier: SignatureVerifier},
): ProvenCell<K> {
  const hash = genesisHash(genesis);
  const {checkpoint} = final;
  if (checkpoint.network !== networkIdOf(hash)) wrong("network");
  const followed = followHandovers(genesis, handovers, verifier);
  if (followed === undefined || checkpoint.epoch < followed.sinceEpoch) return wrong("handover");
  const {committee} = followed;
  if (!isProven(final, {committee, verifier, genesisHash: fromHex(hash)})) wrong("signatures");
  const leaf = found === undefined ? treasuryLeaf(checkpoint.totals.treasury) : leafOf(found);
  const root = fromHex(checkpoint.stateRoot);
  if (!verifyProof(root, liabilitiesOf(checkpoint.totals), {leaf, path})) wrong("path");
  const id = leafIdOf(name.kind, name.id);
  const isSame = equalBytes(leaf.id, id);
  if (!isSame && !pathLeadsTo(id, leaf.id, path)) wrong("place");
  const witnesses = final.signatures.map(({witness}) => witness);
  const cell = isSame ? (found as ProvenCell<K>["cell"]) : undefined;
  return {cell, checkpoint, witnesses, committeeSize: committee.size};
}

/** Leaf ids are hashes, so the cell under a foreign leaf is looked for among all: for proofs of absence only. */
function cellAt(state: LedgerState, {kind, id}: CellName, leaf: TreeLeaf): Cell | undefined {
  const own = state.cell({kind, id});
  if (own !== undefined) return own;
  const isThere = (cell: Cell) => equalBytes(leafIdOf(cell.kind, cell.id), leaf.id);
  for (const cell of state.cells()) if (isThere(cell)) return cell;
  return undefined;
}

function wrong(step: string): never {
  throw new CodedError("PROOF_INVALID", {
    message: `The proof does not hold: ${WORDS[step] ?? step}.`,
    evidence: {step},
  });
}

const WORDS: Readonly<Record<string, string>> = {
  network: "it is of another network",
  handover: "its chain of committees does not lead from the genesis to its checkpoint",
  signatures: "its checkpoint is not signed by a quorum of its epoch's witnesses",
  path: "its cell is not under the checkpoint's state root",
  place: "it shows a cell from another place",
};
