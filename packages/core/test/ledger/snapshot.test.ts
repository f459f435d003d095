import {toCodedError} from "@catalyze/core/errors/codedError";
import {decodeCell, encodeCell, leafIdOf, treasuryLeaf} from "@catalyze/core/ledger/cellCodec";
import {genesisState} from "@catalyze/core/ledger/genesisState";
import {encodeGovernance} from "@catalyze/core/ledger/governanceCodec";
import {makeSnapshot, snapshotSource} from "@catalyze/core/ledger/makeSnapshot";
import {encodeRegister} from "@catalyze/core/ledger/registerCodec";
import {
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotChunk,
  encodeSnapshotHead,
  type SnapshotChunk,
  type SnapshotHead,
  snapshotIdOf,
} from "@catalyze/core/ledger/snapshot";
import {SnapshotBuilder} from "@catalyze/core/ledger/snapshotBuilder";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {bitAt} from "@catalyze/core/ledger/sumTree";
import {compareBytes, toHex} from "@catalyze/core/primitives/bytes";
import {LIMITS} from "@catalyze/proto/limits";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {historyArb} from "./history.ts";
import {alice, bob, lockSpec, nextOp, testGenesis} from "./kit.ts";
import {finalOf, type Snapshot, snapshotOf, stateAfter} from "./snapshotKit.ts";

const stateArb = fc
  .record({ops: historyArb, strangers: fc.nat(25), treasury: fc.constantFrom(0n, 7n)})
  .map(({ops, strangers, treasury}) => stateAfter(ops, strangers, treasury));
/** From one cell a chunk to all in one. */
const sizeArb = fc.constantFrom(1, 500, 700, 1_500, 1_000_000);
const snapshotArb = fc
  .record({state: stateArb, size: sizeArb})
  .map(({state, size}) => ({state, ...snapshotOf(state, size)}));

const OPEN = nextOp(genesisState(testGenesis), alice.account, {kind: "open", locks: [lockSpec]});
const withdrawal = {kind: "withdraw", amount: 7n, address: new Uint8Array(20).fill(9)} as const;
const state = stateAfter([OPEN, nextOp(genesisState(testGenesis), bob.account, withdrawal)], 20, 5n);
const sample = snapshotOf(state, 700);
const decoded = sample.chunks.map((bytes) => decodeSnapshotChunk(bytes));
const last = decoded.length - 1;

/** Code and reason of the refusal; `undefined` when all is taken. */
function problem(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    const {code, evidence} = toCodedError(error);
    return code === "SNAPSHOT_INVALID" ? String(evidence["reason"]) : code;
  }
  return undefined;
}

const take = (index: number, chunk: SnapshotChunk, head: SnapshotHead = sample.head) =>
  problem(() => new SnapshotBuilder(head).take(index, chunk));

function build({head, chunks}: Snapshot, order = chunks.map((_, index) => index)): LedgerState {
  const builder = new SnapshotBuilder(decodeSnapshotHead(encodeSnapshotHead(head)));
  for (const index of order) {
    expect(builder.isComplete).toBe(false);
    builder.take(index, decodeSnapshotChunk(chunks[index]!));
    expect(builder.has(index)).toBe(true);
  }
  expect(builder.isComplete).toBe(true);
  return builder.finish();
}

function contentOf(of: LedgerState): unknown {
  const cells = [...of.cells()].map((cell) => toHex(encodeCell(cell))).sort();
  return {cells, totals: of.totals, withdrawals: of.withdrawals(), root: toHex(of.tree().root())};
}

describe("a snapshot", () => {
  it("makes the same state again, whatever the sizes of its chunks and the order in which they come", () => {
    const property = fc.property(
      snapshotArb.chain((each) =>
        fc.tuple(
          fc.constant(each),
          fc.shuffledSubarray(
            each.chunks.map((_, index) => index),
            {minLength: each.chunks.length},
          ),
        ),
      ),
      ([each, order]) => {
        const copy = build(each, order);
        expect(contentOf(copy)).toEqual(contentOf(each.state));
        // Not only the tree that came with it: the cells make it too.
        const fork = copy.fork();
        for (const account of copy.accounts()) fork.put(account);
        for (const lock of copy.locks()) fork.put(lock);
        expect(toHex(fork.tree().root())).toBe(each.head.final.checkpoint.stateRoot);
        const open = [...copy.locks()].filter(({isClosed}) => !isClosed);
        expect(copy.dueAt(lockSpec.expiryH + 1n).length).toBe(open.length);
      },
    );
    fc.assert(property, {numRuns: 60});
  });

  it("has one form: chunks as bytes, read and written again", () => {
    for (const bytes of sample.chunks) expect(encodeSnapshotChunk(decodeSnapshotChunk(bytes))).toEqual(bytes);
    expect(snapshotOf(state, 700).chunks).toEqual(sample.chunks);
    expect(sample.chunks.length).toBeGreaterThan(5);
  });

  it("keeps chunks within their bound and fills them", () => {
    const large = snapshotOf(stateAfter([], 8_000));
    const sizes = large.chunks.map(({length}) => length);
    expect(sizes.length).toBe(2);
    for (const size of sizes) expect(size).toBeLessThanOrEqual(LIMITS.snapshotChunkBytesMax);
    expect(sizes[0]).toBeGreaterThan(LIMITS.snapshotChunkBytesMax * 0.96);
    expect(build(large).tree().root()).toEqual(stateAfter([], 8_000).tree().root());
  });

  it("goes on from a state that the ledger has left since", () => {
    const going = stateAfter([], 30);
    const source = snapshotSource(going, finalOf(going));
    const before = contentOf(going);
    const later = going.fork();
    const id = alice.account;
    later.put({...going.account(id)!, seq: 9n});
    later.commit();
    const steps = makeSnapshot(source, 500);
    const chunks: Uint8Array[] = [];
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done !== true) chunks.push(...(step.value === undefined ? [] : [step.value.chunk]));
      else {
        expect(contentOf(build({head: step.value, chunks}))).toEqual(before);
        break;
      }
    }
  });

  it("with any byte of a chunk changed is refused", () => {
    const property = fc.property(
      snapshotArb,
      fc.nat(),
      fc.nat(),
      fc.integer({min: 1, max: 255}),
      ({head, chunks}, which, where, flip) => {
        const index = which % chunks.length;
        const changed = chunks[index]!.slice();
        const at = where % changed.length;
        changed[at] = (changed[at] ?? 0) ^ flip;
        const outcome = problem(() => new SnapshotBuilder(head).take(index, decodeSnapshotChunk(changed)));
        expect(outcome).toBeDefined();
        expect(outcome).not.toBe("INTERNAL");
      },
    );
    fc.assert(property, {numRuns: 400});
  });

  it("with any byte of its head changed fits no chunk, or is refused itself", () => {
    const bytes = encodeSnapshotHead(sample.head);
    // The iteration and the signatures are the caller's to check.
    const proofBytes = 4 + 1;
    const {firsts, register, governance} = sample.head;
    const values = encodeRegister(register).length + 4 + encodeGovernance(governance).length + 4;
    const behind = firsts.length * 32 + 4 + 28 + 4 + 2 + values;
    const proofAt = bytes.length - behind - proofBytes;
    for (let at = 0; at < bytes.length; at += 1) {
      if (at >= proofAt && at < proofAt + proofBytes) continue;
      const changed = bytes.with(at, (bytes[at] ?? 0) ^ 1);
      const outcome = problem(() => {
        const builder = new SnapshotBuilder(decodeSnapshotHead(changed));
        for (const [index, chunk] of decoded.entries()) builder.take(index, chunk);
      });
      expect(outcome, `byte ${at}`).toBeDefined();
      expect(outcome, `byte ${at}`).not.toBe("INTERNAL");
    }
  });

  it("hides no cell, shows none twice, and none in another chunk", () => {
    for (const [index, chunk] of decoded.entries()) {
      for (const at of chunk.cells.keys()) {
        const without = {...chunk, cells: chunk.cells.filter((_, each) => each !== at)};
        if (without.cells.length > 0) expect(take(index, without)).toBeDefined();
        expect(take(index, {...chunk, cells: chunk.cells.toSpliced(at, 0, chunk.cells[at]!)})).toBe(
          "order of its leaves",
        );
      }
      const after = decoded[index + 1];
      if (after === undefined) continue;
      const moved = chunk.cells.at(-1)!;
      expect(take(index + 1, {...after, cells: [moved, ...after.cells]})).toBe("begins elsewhere");
      const [first] = after.cells;
      expect(take(index, {...chunk, cells: [...chunk.cells, first!]})).toBe("order of its leaves");
    }
    const crowded = decoded.findIndex(({cells}) => cells.length > 1);
    const {cells} = decoded[crowded]!;
    expect(take(crowded, {...decoded[crowded]!, cells: cells.toReversed()})).toBe("begins elsewhere");
  });

  it("leaves no gap between chunks, before the first or after the last, even with a head that would", () => {
    const {head} = sample;
    for (let gone = 0; gone <= last; gone += 1) {
      const firsts = head.firsts.filter((_, index) => index !== gone);
      const rest = decoded.filter((_, index) => index !== gone).map((chunk, index) => ({...chunk, index}));
      const outcomes = rest.map((chunk, index) => take(index, chunk, {...head, firsts}));
      const wrong = gone === 0 ? "leaves out what stands left of it" : "ends elsewhere";
      expect(outcomes.filter((each) => each !== undefined)).toEqual([wrong]);
    }
    const short = {...head, firsts: head.firsts.slice(0, -1)};
    const {next, right, ...cut} = decoded[last - 1]!;
    // The path of the last leaf shown, as if the next one were a sibling like any other.
    const path = state.tree().lookUp(idOf(cut.cells.at(-1)!)).path;
    const beyond = path.filter(({bit}) => !bitAt(idOf(cut.cells.at(-1)!), bit));
    expect(next).toBeDefined();
    expect(take(last - 1, {...cut, next: undefined, right}, short)).toBeDefined();
    expect(take(last - 1, {...cut, next: undefined, right: beyond}, short)).toBe(
      "leaves out what stands right of it",
    );
  });

  it("holds sums too: none is moved to a sibling, none swapped", () => {
    for (const [index, chunk] of decoded.entries()) {
      for (const side of ["left", "right"] as const) {
        const steps = chunk[side];
        for (const at of steps.keys()) {
          const more = steps.with(at, {...steps[at]!, sum: steps[at]!.sum + 1n});
          expect(take(index, {...chunk, [side]: more})).toBe("sum of its leaves");
          const other = (at + 1) % steps.length;
          if (steps[other]!.sum === steps[at]!.sum) continue;
          const swapped = steps
            .with(at, {...steps[at]!, sum: steps[other]!.sum})
            .with(other, {...steps[other]!, sum: steps[at]!.sum});
          expect(take(index, {...chunk, [side]: swapped})).toBe("not under the checkpoint's root");
        }
      }
      if (chunk.next === undefined) continue;
      const next = {...chunk.next, sum: chunk.next.sum + 1n};
      expect(take(index, {...chunk, next})).toBe("sum of its leaves");
    }
  });

  it("refuses chunks of another height, another place, or of bytes that are no cell", () => {
    const later = snapshotOf(state, 700, 30n);
    expect(snapshotIdOf(later.head)).not.toBe(snapshotIdOf(sample.head));
    for (const [index, bytes] of later.chunks.entries()) {
      expect(take(index, decodeSnapshotChunk(bytes))).toBe("of another checkpoint");
      expect(
        take(index, {...decodeSnapshotChunk(bytes), checkpoint: sample.head.final.hash}),
      ).toBeUndefined();
    }
    const other = snapshotOf(stateAfter([OPEN], 21, 5n), 700);
    const forged = decodeSnapshotChunk(other.chunks[0]!);
    expect(take(0, {...forged, checkpoint: sample.head.final.hash})).toBeDefined();
    expect(take(1, decoded[0]!)).toBe("another chunk than asked for");
    expect(take(1, {...decoded[0]!, index: 1})).toBe("begins elsewhere");
    expect(take(last + 1, {...decoded[last]!, index: last + 1})).toBe("begins elsewhere");
    expect(take(0, {...decoded[0]!, cells: [Uint8Array.of(2, 1)]})).toBe("bytes of a cell");
  });

  it("refuses a cell that holds less than nothing", () => {
    const account = {...state.account(alice.account)!, out: state.account(alice.account)!.in + 1n};
    expect(take(0, {...decoded[0]!, cells: [encodeCell(account)]})).toBe("sum of a cell");
  });

  it("refuses a head in the middle of an epoch, of the genesis, or with other withdrawals", () => {
    const {head} = sample;
    const {final, withdrawals} = head;
    expect(withdrawals).toHaveLength(1);
    const open = (change: Partial<SnapshotHead>) => problem(() => new SnapshotBuilder({...head, ...change}));
    const at = (change: object) => ({final: {...final, checkpoint: {...final.checkpoint, ...change}}});
    expect(open(at({isLastOfEpoch: false}))).toBe("not an epoch's end");
    expect(open(at({height: 0n}))).toBe("not an epoch's end");
    expect(open({withdrawals: []})).toBe("sum of withdrawals");
    expect(open({withdrawals: [{...withdrawals[0]!, address: new Uint8Array(20).fill(8)}]})).toBe(
      "withdrawals",
    );
    expect(problem(() => decodeSnapshotHead(encodeSnapshotHead({...head, firsts: []})))).toBe(
      "DECODE_INVALID",
    );
    const turned = head.firsts.toSorted((left, right) => compareBytes(right, left));
    expect(problem(() => decodeSnapshotHead(encodeSnapshotHead({...head, firsts: turned})))).toBe(
      "DECODE_INVALID",
    );
  });

  it("is not even read when it is larger than its bound", () => {
    expect(problem(() => decodeSnapshotChunk(new Uint8Array(LIMITS.snapshotChunkBytesMax + 1)))).toBe(
      "DECODE_INVALID",
    );
    expect(problem(() => decodeSnapshotHead(new Uint8Array(LIMITS.snapshotHeadBytesMax + 1)))).toBe(
      "DECODE_INVALID",
    );
  });
});

/** Where an encoded cell stands in the tree. */
function idOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return treasuryLeaf(0n).id;
  const {kind, id} = decodeCell(bytes);
  return leafIdOf(kind, id);
}
