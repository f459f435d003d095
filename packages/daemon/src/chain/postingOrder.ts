/**
 * Who posts the anchor of an epoch first: members by SHA-256(epoch ‖ address). Anyone may post; the order
 * only keeps several honest nodes from paying for the same anchor. Each waits a step longer than the one
 * before it.
 */
import type {Member} from "@catalyze/contracts/committeeHash";
import {sha256} from "@catalyze/core/crypto/sha256";
import {compareBytes, fromHex} from "@catalyze/core/primitives/bytes";

/** 0 for the member that posts at once. */
export function postingRank(epoch: number, member: number, members: readonly Member[]): number {
  const tickets = members.map(({signer}) => ticketOf(epoch, signer));
  const own = tickets[member];
  if (own === undefined) return members.length;
  return tickets.filter((ticket) => compareBytes(ticket, own) < 0).length;
}

function ticketOf(epoch: number, signer: string): Uint8Array {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, epoch);
  return sha256(number, fromHex(signer.slice(2).toLowerCase()));
}
