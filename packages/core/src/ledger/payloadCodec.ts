/**
 * Canonical bytes of op payloads; the op's header names the type.
 *
 *   transfer  count u16 ≤ 256 | (to 32 | amount u64)… | flags u8: 1 memo, 2 asset
 *             | memo 32 (never zeros) | asset 32, burn u64
 *   open      count u8 ≤ 16 | LockSpec… | count u8 ≤ 16 | SaleSpec…
 *   claim     cumulative u64 | isFinal u8 | hasVoucher u8 | when 1: cumulative u64 | contextHash 32 | signature 64
 *             | shown u8: 0 nothing; 1 verdict (`verdictCodec.ts`); 2 payouts (`lockCodec.ts`)
 *   stake     kind u8 | amount u64
 *   issue     kind u8 | content 32 | supply u64 | royaltyBps u16
 *   harvest   asset 32
 *   withdraw  amount u64 | address 20
 *   account   threshold u8 | count u8 ≤ 16 | key 32… | exitAddress 20
 *   unstake   kind u8 | amount u64
 *   govern    wish u8: 1 join | voteKey 32 | evmAddress 20 | peerId: u32 length ≤ 80 | proof 64; 2 leave;
 *             3 notice | lock 32 | endH u64
 *             4 propose | motion (`governanceCodec.ts`); 5 vote | proposal 32 | isYes u8; 6 rate | asset 32 | royaltyBps u16
 *   evidence  proof: u32 length | bytes
 *   accept    lock 32 | value u64 | untilH u64
 *
 * A claim's voucher leaves out its lock id, a candidate its account: it is the cell of the op.
 */
import {LIMITS} from "@catalyze/proto/limits";
import {ACCOUNT_KEYS_MAX} from "../crypto/accountId.ts";
import {assert} from "../errors/assert.ts";
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AssetId, CellId, Hash, OpId} from "../primitives/id.ts";
import {readApplication, writeApplication} from "./candidate.ts";
import {
  ADDRESS_BYTES,
  readBoolean,
  readId,
  refuse,
  writeFixed,
  writeId,
  writeU8,
  writeU16,
  writeU64,
} from "./canonical.ts";
import {readMotion, writeMotion} from "./governanceCodec.ts";
import {readLockSpec, readPayouts, writeLockSpec, writePayouts} from "./lockCodec.ts";
import {
  ASSET_KIND,
  type AssetKind,
  OP_TYPE,
  type Payload,
  STAKE_KIND,
  type StakeKind,
  type Voucher,
  type Wish,
} from "./op.ts";
import {readSaleSpec, writeSaleSpec} from "./saleCodec.ts";
import {readVerdict, writeVerdict} from "./verdictCodec.ts";

export const OUTPUTS_MAX = 256;
export const OPEN_LOCKS_MAX = 16;

const WISH = {join: 1, leave: 2, notice: 3, propose: 4, vote: 5, rate: 6} as const;

/** What a claim shows beside its voucher. */
const SHOWN = {nothing: 0, verdict: 1, payouts: 2} as const;

/** Flags of a transfer. */
const HAS_MEMO = 1;
const HAS_ASSET = 2;

const ZERO_HASH = "0".repeat(64) as Hash;

type PayloadOf<Kind extends Payload["kind"]> = Extract<Payload, {kind: Kind}>;

export function writePayload(writer: ByteWriter, payload: Payload, cell: CellId): void {
  switch (payload.kind) {
    case "transfer":
      writeTransfer(writer, payload);
      break;
    case "open":
      writeU8(writer, payload.locks.length);
      for (const spec of payload.locks) writeLockSpec(writer, spec);
      writeU8(writer, payload.sales?.length ?? 0);
      for (const spec of payload.sales ?? []) writeSaleSpec(writer, spec);
      break;
    case "claim":
      writeClaim(writer, payload, cell);
      break;
    case "stake":
    case "unstake":
      writer.u8(STAKE_KIND[payload.stake]);
      writeU64(writer, payload.amount);
      break;
    case "issue":
      writer.u8(ASSET_KIND[payload.asset]);
      writeId(writer, payload.content);
      writeU64(writer, payload.supply);
      writeU16(writer, payload.royaltyBps);
      break;
    case "harvest":
      writeId(writer, payload.asset);
      break;
    case "withdraw":
      writeU64(writer, payload.amount);
      writeFixed(writer, payload.address, ADDRESS_BYTES);
      break;
    case "account":
      writeU8(writer, payload.threshold);
      writeU8(writer, payload.keys.length);
      for (const key of payload.keys) writeFixed(writer, key, 32);
      writeFixed(writer, payload.exitAddress, ADDRESS_BYTES);
      break;
    case "govern":
      writeWish(writer, payload.wish);
      break;
    case "evidence":
      writer.bytes(payload.proof);
      break;
    case "accept":
      writeId(writer, payload.lockId);
      writeU64(writer, payload.value);
      writeU64(writer, payload.untilH);
      break;
  }
}

export function readPayload(reader: ByteReader, type: number, cell: CellId): Payload {
  switch (type) {
    case OP_TYPE.transfer:
      return readTransfer(reader);
    case OP_TYPE.open: {
      const count = reader.count(reader.u8(), OPEN_LOCKS_MAX);
      const locks = Array.from({length: count}, () => readLockSpec(reader));
      const saleCount = reader.count(reader.u8(), OPEN_LOCKS_MAX - count);
      if (saleCount === 0) return {kind: "open", locks};
      return {kind: "open", locks, sales: Array.from({length: saleCount}, () => readSaleSpec(reader))};
    }
    case OP_TYPE.claim:
      return readClaim(reader, cell);
    case OP_TYPE.stake:
      return {kind: "stake", stake: readStakeKind(reader), amount: reader.u64()};
    case OP_TYPE.issue:
      return {
        ...{kind: "issue", asset: readAssetKind(reader), content: readId<Hash>(reader)},
        ...{supply: reader.u64(), royaltyBps: reader.u16()},
      };
    case OP_TYPE.harvest:
      return {kind: "harvest", asset: readId<AssetId>(reader)};
    case OP_TYPE.withdraw:
      return {kind: "withdraw", amount: reader.u64(), address: reader.raw(ADDRESS_BYTES)};
    case OP_TYPE.account: {
      const threshold = reader.u8();
      const count = reader.count(reader.u8(), ACCOUNT_KEYS_MAX);
      const keys = Array.from({length: count}, () => reader.raw(32));
      return {kind: "account", threshold, keys, exitAddress: reader.raw(ADDRESS_BYTES)};
    }
    case OP_TYPE.unstake:
      return {kind: "unstake", stake: readStakeKind(reader), amount: reader.u64()};
    case OP_TYPE.govern:
      return {kind: "govern", wish: readWish(reader, cell)};
    case OP_TYPE.evidence:
      return {kind: "evidence", proof: reader.bytes(LIMITS.evidenceBytesMax)};
    case OP_TYPE.accept:
      return {kind: "accept", lockId: readId(reader), value: reader.u64(), untilH: reader.u64()};
    default:
      return refuse("opType");
  }
}

function writeWish(writer: ByteWriter, wish: Wish): void {
  writer.u8(WISH[wish.kind]);
  switch (wish.kind) {
    case "join":
      writeApplication(writer, wish.candidate);
      writeFixed(writer, wish.proof, 64);
      break;
    case "leave":
      break;
    case "propose":
      writeMotion(writer, wish.motion);
      break;
    case "vote":
      writeId(writer, wish.proposal);
      writer.u8(wish.isYes ? 1 : 0);
      break;
    case "notice":
      writeId(writer, wish.lockId);
      writeU64(writer, wish.endH);
      break;
    case "rate":
      writeId(writer, wish.asset);
      writeU16(writer, wish.royaltyBps);
  }
}

function readWish(reader: ByteReader, account: CellId): Wish {
  switch (reader.u8()) {
    case WISH.join:
      return {kind: "join", candidate: {account, ...readApplication(reader)}, proof: reader.raw(64)};
    case WISH.leave:
      return {kind: "leave"};
    case WISH.propose:
      return {kind: "propose", motion: readMotion(reader)};
    case WISH.vote:
      return {kind: "vote", proposal: readId<OpId>(reader), isYes: readBoolean(reader)};
    case WISH.notice:
      return {kind: "notice", lockId: readId(reader), endH: reader.u64()};
    case WISH.rate:
      return {kind: "rate", asset: readId<AssetId>(reader), royaltyBps: reader.u16()};
    default:
      return refuse("wish");
  }
}

function writeTransfer(writer: ByteWriter, {outputs, memo, asset}: PayloadOf<"transfer">): void {
  writeU16(writer, outputs.length);
  for (const {to, amount} of outputs) {
    writeId(writer, to);
    writeU64(writer, amount);
  }
  const hasMemo = memo !== ZERO_HASH;
  writer.u8((hasMemo ? HAS_MEMO : 0) | (asset === undefined ? 0 : HAS_ASSET));
  if (hasMemo) writeId(writer, memo);
  if (asset === undefined) return;
  writeId(writer, asset.id);
  writeU64(writer, asset.burn);
}

function readTransfer(reader: ByteReader): Payload {
  const count = reader.count(reader.u16(), OUTPUTS_MAX);
  const outputs = Array.from({length: count}, () => ({to: readId<CellId>(reader), amount: reader.u64()}));
  const flags = reader.u8();
  if (flags > (HAS_MEMO | HAS_ASSET)) refuse("flags");
  const hasMemo = (flags & HAS_MEMO) !== 0;
  const memo = hasMemo ? readId<Hash>(reader) : ZERO_HASH;
  if (hasMemo && memo === ZERO_HASH) refuse("memo");
  const transfer = {kind: "transfer", outputs, memo} as const;
  if ((flags & HAS_ASSET) === 0) return transfer;
  return {...transfer, asset: {id: readId<AssetId>(reader), burn: reader.u64()}};
}

function writeClaim(
  writer: ByteWriter,
  {cumulative, voucher, verdict, payouts, isFinal}: PayloadOf<"claim">,
  cell: CellId,
): void {
  writeU64(writer, cumulative);
  writer.u8(isFinal ? 1 : 0).u8(voucher === undefined ? 0 : 1);
  if (voucher !== undefined) {
    assert(voucher.lockId === cell, "a claim carries the voucher of another lock");
    writeU64(writer, voucher.cumulative);
    writeId(writer, voucher.contextHash);
    writeFixed(writer, voucher.signature, 64);
  }
  assert(verdict === undefined || payouts === undefined, "no lock knows both verdicts and payouts");
  writer.u8(verdict !== undefined ? SHOWN.verdict : payouts !== undefined ? SHOWN.payouts : SHOWN.nothing);
  if (verdict !== undefined) writeVerdict(writer, verdict);
  if (payouts !== undefined) writePayouts(writer, payouts);
}

function readClaim(reader: ByteReader, cell: CellId): Payload {
  const cumulative = reader.u64();
  const isFinal = readBoolean(reader);
  const voucher = readBoolean(reader) ? readVoucher(reader, cell) : undefined;
  const claim = {kind: "claim", cumulative, voucher, isFinal} as const;
  switch (reader.u8()) {
    case SHOWN.nothing:
      return claim;
    case SHOWN.verdict:
      return {...claim, verdict: readVerdict(reader)};
    case SHOWN.payouts:
      return {...claim, payouts: readPayouts(reader)};
    default:
      return refuse("shown");
  }
}

function readVoucher(reader: ByteReader, lockId: CellId): Voucher {
  return {lockId, cumulative: reader.u64(), contextHash: readId(reader), signature: reader.raw(64)};
}

export function readStakeKind(reader: ByteReader): StakeKind {
  const value = reader.u8();
  for (const kind of ["witness", "executor", "curate"] as const) if (STAKE_KIND[kind] === value) return kind;
  return refuse("stakeKind");
}

export function readAssetKind(reader: ByteReader): AssetKind {
  const value = reader.u8();
  for (const kind of ["seed", "right"] as const) if (ASSET_KIND[kind] === value) return kind;
  return refuse("assetKind");
}
