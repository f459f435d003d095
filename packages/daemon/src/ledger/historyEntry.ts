/** One line of an account's history, and its bytes in the store. */
import type {Payload} from "@catalyze/core/ledger/op";
import {ByteReader, ByteWriter} from "@catalyze/core/primitives/binary";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, CellId, LockId, OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";

/**
 * What the system does: `expiry` closed a lock, and its `opId` is that of the op that opened it; `sale`
 * closed a sale lock, matched or not; `matured` gave cooled stake back and `royalty` what a harvest took from a
 * pot, and their `opId` is the account's last op.
 */
export type HistoryKind = Payload["kind"] | "expiry" | "sale" | "matured" | "royalty";

export type HistoryEntry = {
  readonly opId: OpId;
  readonly kind: HistoryKind;
  /** In whose log the op stands: an account, or the lock of a claim. */
  readonly cell: CellId;
  /** Change of the account's balance in µCTZ, fee included. */
  readonly delta: bigint;
  /** µCTZ burned for the op, when this account paid it. */
  readonly fee: bigint;
  /** The other side: payer or payee. */
  readonly counterparty: AccountId | undefined;
  /** The lock that was opened (the first of an op), claimed or closed. */
  readonly lockId: LockId | undefined;
  /** Height of the last checkpoint when it was seen. */
  readonly height: bigint;
  readonly atMs: UnixMs;
};

/** Numbers on disk: only ever add at the end. */
const KINDS: readonly HistoryKind[] = [
  ...(["transfer", "open", "claim", "stake", "withdraw", "account", "expiry"] as const),
  ...(["unstake", "evidence", "matured", "govern", "accept", "issue", "sale"] as const),
  ...(["harvest", "royalty"] as const),
];

const NOBODY = "0".repeat(64);

export function encodeEntry(entry: HistoryEntry): Uint8Array {
  const isDebit = entry.delta < 0n;
  return new ByteWriter()
    .u8(KINDS.indexOf(entry.kind))
    .raw(fromHex(entry.opId))
    .raw(fromHex(entry.cell))
    .u8(isDebit ? 1 : 0)
    .u128(isDebit ? -entry.delta : entry.delta)
    .u64(entry.fee)
    .raw(fromHex(entry.counterparty ?? NOBODY))
    .raw(fromHex(entry.lockId ?? NOBODY))
    .u64(entry.height)
    .u64(BigInt(entry.atMs))
    .finish();
}

export function decodeEntry(bytes: Uint8Array): HistoryEntry {
  const reader = new ByteReader(bytes);
  const id = () => reader.hex(32);
  const optional = <Id extends string>(hex: string) => (hex === NOBODY ? undefined : (hex as Id));
  const kind = KINDS[reader.u8()] ?? "transfer";
  const opId = id() as OpId;
  const cell = id() as CellId;
  const isDebit = reader.u8() === 1;
  const amount = reader.u128();
  return {
    opId,
    kind,
    cell,
    delta: isDebit ? -amount : amount,
    fee: reader.u64(),
    counterparty: optional<AccountId>(id()),
    lockId: optional<LockId>(id()),
    height: reader.u64(),
    atMs: Number(reader.u64()) as UnixMs,
  };
}
