/** Entries of `opHistory.ts` on disk. */
import type {Payload} from "@catalyze/core/ledger/op";
import type {SystemMove} from "@catalyze/core/ledger/systemMoves";
import {ByteReader, ByteWriter} from "@catalyze/core/primitives/binary";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, AssetId, CellId, LockId, OpId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";

/**
 * What the system does (`systemMoves.ts`): `expiry` closed a lock and `sale` a sale lock, matched or not, and
 * their `opId` is that of the op that opened it; with the others it is the account's last op. `royalty` is what
 * a harvest took from a pot.
 */
export type HistoryKind = Payload["kind"] | SystemMove["kind"] | "royalty";

export type HistoryEntry = {
  readonly opId: OpId;
  readonly kind: HistoryKind;
  /** In whose log the op stands: an account, or the lock of a claim. */
  readonly cell: CellId;
  /** Change of the account's balance in µCTZ, fee included. */
  readonly delta: bigint;
  /** µCTZ burned for the op, when this account paid it. */
  readonly fee: bigint;
  /** Change of the account's holding of an asset. An op that moves several has an entry for each. */
  readonly units: {readonly asset: AssetId; readonly delta: bigint} | undefined;
  /** µCTZ of stake that burned: the balance does not show it. */
  readonly stakeBurned: bigint;
  /** Why something came back: nothing else says so. */
  readonly reason: "SALE_UNMATCHED" | undefined;
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
  ...(["fine", "payment", "slash", "forfeit", "harvest", "royalty"] as const),
];

/** The same. */
const REASONS: readonly HistoryEntry["reason"][] = [undefined, "SALE_UNMATCHED"];

/** Entries of one account, in order. */
export function prefixOf(account: AccountId): string {
  return `lh/${account}/`;
}

export function keyOf(account: AccountId, number: bigint): string {
  return `${prefixOf(account)}${number.toString(16).padStart(16, "0")}`;
}

export function numberOf(key: string): bigint {
  return BigInt(`0x${key.slice(-16)}`);
}

const NOBODY = "0".repeat(64);

export function encodeEntry(entry: HistoryEntry): Uint8Array {
  const isDebit = entry.delta < 0n;
  const writer = new ByteWriter()
    .u8(KINDS.indexOf(entry.kind))
    .raw(fromHex(entry.opId))
    .raw(fromHex(entry.cell))
    .u8(isDebit ? 1 : 0)
    .u128(isDebit ? -entry.delta : entry.delta)
    .u64(entry.fee)
    .raw(fromHex(entry.counterparty ?? NOBODY))
    .raw(fromHex(entry.lockId ?? NOBODY))
    .u64(entry.height)
    .u64(BigInt(entry.atMs));
  const {units, reason, stakeBurned} = entry;
  if (units === undefined && reason === undefined && stakeBurned === 0n) return writer.finish();
  const isLess = (units?.delta ?? 0n) < 0n;
  return writer
    .raw(fromHex(units?.asset ?? NOBODY))
    .u8(isLess ? 1 : 0)
    .u128((isLess ? -1n : 1n) * (units?.delta ?? 0n))
    .u64(stakeBurned)
    .u8(REASONS.indexOf(reason))
    .finish();
}

/** Throws `DECODE_INVALID`. */
export function decodeEntry(bytes: Uint8Array): HistoryEntry {
  const reader = new ByteReader(bytes);
  const id = () => reader.hex(32);
  const optional = <Id extends string>(hex: string) => (hex === NOBODY ? undefined : (hex as Id));
  const kind = KINDS[reader.u8()] ?? "transfer";
  const opId = id() as OpId;
  const cell = id() as CellId;
  const isDebit = reader.u8() === 1;
  const amount = reader.u128();
  const known = {
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
  // Most end here, and so do all from before units were recorded.
  if (reader.offset === bytes.length) return {...known, units: undefined, stakeBurned: 0n, reason: undefined};
  const asset = optional<AssetId>(id());
  const sign = reader.u8() === 1 ? -1n : 1n;
  const delta = sign * reader.u128();
  const units = asset === undefined ? undefined : {asset, delta};
  return {...known, units, stakeBurned: reader.u64(), reason: REASONS[reader.u8()]};
}
