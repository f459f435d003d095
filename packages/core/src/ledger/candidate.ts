/**
 * What somebody who wants to witness says of itself, and its canonical bytes:
 *
 *   candidate   = account 32 | application
 *   application = voteKey 32 | evmAddress 20 | peerId: u32 length ≤ 80, ASCII
 */
import type {ByteReader, ByteWriter} from "../primitives/binary.ts";
import type {AccountId, PeerId} from "../primitives/id.ts";
import {ADDRESS_BYTES, readId, refuse, writeFixed, writeHex, writeId} from "./canonical.ts";

export type Candidate = {
  readonly account: AccountId;
  /** Ed25519, 32 bytes. */
  readonly voteKey: Uint8Array;
  /** Signs anchors; 40 lower-case hex digits, no prefix. */
  readonly evmAddress: string;
  readonly peerId: PeerId;
};

/** A candidate whose account the reader knows from elsewhere. */
export type Application = Omit<Candidate, "account">;

/** What is a peer id is checked where one comes in. */
const PRINTABLE = /^[ -~]{1,80}$/;
const PEER_ID_MAX = 80;

export function writeCandidate(writer: ByteWriter, candidate: Candidate): void {
  writeId(writer, candidate.account);
  writeApplication(writer, candidate);
}

export function readCandidate(reader: ByteReader): Candidate {
  return {account: readId<AccountId>(reader), ...readApplication(reader)};
}

export function writeApplication(writer: ByteWriter, {voteKey, evmAddress, peerId}: Application): void {
  writeFixed(writer, voteKey, 32);
  writeHex(writer, evmAddress, ADDRESS_BYTES);
  writer.bytes(new TextEncoder().encode(peerId));
}

export function readApplication(reader: ByteReader): Application {
  const voteKey = reader.raw(32);
  const evmAddress = reader.hex(ADDRESS_BYTES);
  const peerId = Buffer.from(reader.bytes(PEER_ID_MAX)).toString("latin1");
  return PRINTABLE.test(peerId) ? {voteKey, evmAddress, peerId: peerId as PeerId} : refuse("peerId");
}
