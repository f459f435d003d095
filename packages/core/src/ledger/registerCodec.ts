/**
 * Canonical bytes of the register of witnesses, and its hash, which every checkpoint names.
 *
 *   register  = version u8 | seats: u16 ≤ 1024, seat… | candidates: u8 ≤ 64, candidate… | terms: u16 ≤ 1024, term…
 *   seat      = candidate | granted u32 | standing u8 | activeEpoch u32 | head: n u64 | hash 32
 *   term      = sinceEpoch u32 | members: u8 ≤ 21, (seat u16 | weight u32)…, by seat, ascending
 *   hash      = SHA256(0x57 ‖ bytes)
 */
import {hashHex} from "../crypto/sha256.ts";
import {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {Hash} from "../primitives/id.ts";
import {readCandidate, writeCandidate} from "./candidate.ts";
import {readId, refuse, writeId, writeU8, writeU16, writeU32, writeU64} from "./canonical.ts";
import {WITNESSES_MAX} from "./params.ts";
import type {Register, Seat, SeatWeight, Standing, Term} from "./register.ts";
import {CANDIDATES_MAX, SEATS_MAX} from "./seating.ts";

const VERSION = 1;
const TAG_REGISTER = Uint8Array.of(0x57);
const TERMS_MAX = 1_024;
const STANDING: Readonly<Record<Standing, number>> = {serving: 1, left: 2, idle: 3, convicted: 4};
/** A full register: 1,024 seats, 64 candidates and the terms of a day of epochs of a minute. */
export const REGISTER_BYTES_MAX = 512 * 1024;

export function encodeRegister({seats, candidates, terms}: Register): Uint8Array {
  const writer = new ByteWriter().u8(VERSION);
  writeU16(writer, seats.length);
  for (const seat of seats) writeSeat(writer, seat);
  writeU8(writer, candidates.length);
  for (const candidate of candidates) writeCandidate(writer, candidate);
  writeU16(writer, terms.length);
  for (const term of terms) writeTerm(writer, term);
  return writer.finish();
}

/** Throws `DECODE_INVALID`. */
export function decodeRegister(bytes: Uint8Array): Register {
  if (bytes.length > REGISTER_BYTES_MAX) refuse("tooLong");
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) refuse("version");
  const seats = Array.from({length: reader.count(reader.u16(), SEATS_MAX)}, () => readSeat(reader));
  const waiting = reader.count(reader.u8(), CANDIDATES_MAX);
  const candidates = Array.from({length: waiting}, () => readCandidate(reader));
  const terms = Array.from({length: reader.count(reader.u16(), TERMS_MAX)}, () => readTerm(reader));
  reader.finish();
  const isSeated = terms.every(({members}) => members.every(({seat}) => seat < seats.length));
  return isSeated ? {seats, candidates, terms} : refuse("seat");
}

const hashes = new WeakMap<Register, Hash>();

export function registerHash(register: Register): Hash {
  const known = hashes.get(register);
  if (known !== undefined) return known;
  const hash = hashHex(TAG_REGISTER, encodeRegister(register));
  hashes.set(register, hash);
  return hash;
}

function writeSeat(writer: ByteWriter, seat: Seat): void {
  writeCandidate(writer, seat);
  writeU32(writer, seat.granted);
  writer.u8(STANDING[seat.standing]);
  writeU32(writer, seat.activeEpoch);
  writeU64(writer, seat.head.n);
  writeId(writer, seat.head.hash);
}

function readSeat(reader: ByteReader): Seat {
  return {
    ...readCandidate(reader),
    granted: reader.u32(),
    standing: standingOf(reader.u8()),
    activeEpoch: reader.u32(),
    head: {n: reader.u64(), hash: readId<Hash>(reader)},
  };
}

function standingOf(value: number): Standing {
  for (const standing of ["serving", "left", "idle", "convicted"] as const)
    if (STANDING[standing] === value) return standing;
  return refuse("standing");
}

function writeTerm(writer: ByteWriter, {sinceEpoch, members}: Term): void {
  writeU32(writer, sinceEpoch);
  writeU8(writer, members.length);
  for (const {seat, weight} of members) {
    writeU16(writer, seat);
    writeU32(writer, weight);
  }
}

function readTerm(reader: ByteReader): Term {
  const sinceEpoch = reader.u32();
  const count = reader.count(reader.u8(), WITNESSES_MAX);
  if (count === 0) refuse("members");
  const members = Array.from({length: count}, (): SeatWeight => ({seat: reader.u16(), weight: reader.u32()}));
  const isAscending = members.every(({seat}, index) => (members[index - 1]?.seat ?? -1) < seat);
  return isAscending ? {sinceEpoch, members} : refuse("memberOrder");
}
