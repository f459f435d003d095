/** Where the records of a ledger and what follows from them part ways, and how two values differ. */
import {CodedError, toCodedError} from "../errors/codedError.ts";
import {toHex} from "../primitives/bytes.ts";
import {isRecord} from "../primitives/canonicalJson.ts";
import type {CellId, OpId} from "../primitives/id.ts";
import {entryName} from "./entryNumber.ts";

export type DivergentItem =
  | {readonly kind: "entry"; readonly witness: number; readonly n: bigint}
  | {readonly kind: "op"; readonly id: OpId}
  | {readonly kind: "checkpoint"; readonly height: bigint}
  | {readonly kind: "cell"; readonly id: CellId}
  /** EVM address, 40 hex digits. */
  | {readonly kind: "withdrawal"; readonly address: string}
  /** Which checkpoint the store says is its last. */
  | {readonly kind: "head"}
  /** Who witnesses. */
  | {readonly kind: "register"}
  /** At which the logs start. */
  | {readonly kind: "snapshot"; readonly height: bigint}
  | {readonly kind: "chunk"; readonly index: number}
  /** Parameters, proposals and votes. */
  | {readonly kind: "governance"}
  /** Votes that the last cut carries over. */
  | {readonly kind: "carried"}
  /** What the cut of a height covers. */
  | {readonly kind: "places"; readonly height: bigint};

/** The first record that is not what the records before it lead to. */
export type Divergence = {
  /** Of the checkpoint that was being derived; for cells that of the last one. */
  readonly height: bigint;
  readonly item: DivergentItem;
  /** What of it differs: `signature`, `stateRoot`, `totals.accounts`, `encoding`. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;
};

export type Difference = Pick<Divergence, "field" | "expected" | "found">;

/** Long values are cut: enough to tell apart and to search for. */
const TEXT_MAX = 160;

/** As people and programs name it: `entry 0/12`, `checkpoint 7`, `cell 3f…`. */
export function itemText(item: DivergentItem): string {
  switch (item.kind) {
    case "entry":
      return `entry ${item.witness}/${entryName(item.n)}`;
    case "op":
    case "cell":
      return `${item.kind} ${item.id}`;
    case "checkpoint":
    case "snapshot":
    case "places":
      return `${item.kind} ${item.height}`;
    case "chunk":
      return `chunk ${item.index}`;
    case "withdrawal":
      return `withdrawal ${item.address}`;
    case "head":
    case "register":
    case "governance":
    case "carried":
      return item.kind;
  }
}

/** `LEDGER_DIVERGED` with height, item, field and both values as evidence. */
export function divergedError({height, item, field, expected, found}: Divergence): CodedError {
  return new CodedError("LEDGER_DIVERGED", {
    message: `At height ${height}, ${itemText(item)} is not what follows from the records before it: ${field}.`,
    evidence: {height, item: itemText(item), field, expected, found},
  });
}

/** The first field in which two decoded values of one type differ, or `undefined`. */
export function firstDifference(expected: unknown, found: unknown, path = ""): Difference | undefined {
  if (isBranch(expected) && isBranch(found)) {
    const [left, right] = [fieldsOf(expected), fieldsOf(found)];
    for (const name of new Set([...left.keys(), ...right.keys()])) {
      const difference = firstDifference(
        left.get(name),
        right.get(name),
        path === "" ? name : `${path}.${name}`,
      );
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  const [left, right] = [textOf(expected), textOf(found)];
  return left === right ? undefined : {field: path, expected: cut(left), found: cut(right)};
}

/** Bytes that are no canonical item, and why. */
export function undecodable(error: unknown): Difference {
  const {code, evidence, message} = toCodedError(error);
  const reason = String(evidence["reason"] ?? message);
  return {field: "encoding", expected: "canonical bytes", found: cut(`${code} (${reason})`)};
}

type Branch = readonly unknown[] | Record<string, unknown>;

function isBranch(value: unknown): value is Branch {
  return !(value instanceof Uint8Array) && (Array.isArray(value) || isRecord(value));
}

function fieldsOf(branch: Branch): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(branch));
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return toHex(value);
  if (value === undefined) return "none";
  return isBranch(value) ? `${fieldsOf(value).size} fields` : String(value);
}

function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}
