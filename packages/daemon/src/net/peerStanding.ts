/**
 * What this node holds against its neighbours: points that halve every minute. Past the limit a peer is
 * refused for a minute. Local and forgetful on purpose: it sheds abuse, it never moves money.
 */
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {PeerId} from "@catalyze/core/primitives/id";

/** Two proofs of bad faith within half a minute, or five small faults at once, are enough. */
export const POINTS_MAX = 100;
export const BAN_MS = 60_000;
const HALF_LIFE_MS = 60_000;
/** Peers remembered at once; the least recently charged is forgotten first. */
const PEERS_MAX = 4096;
const POINTS_DEFAULT = 22;

/** Faults that no honest peer makes by accident cost more. */
const POINTS: Partial<Record<ErrorCode, number>> = {
  SIGNATURE_INVALID: 60,
  BLOB_CORRUPT: 60,
  SNAPSHOT_INVALID: 60,
  FRAME_TOO_LARGE: 60,
  DECODE_INVALID: 36,
  MESSAGE_EXPIRED: 5,
  PEER_BUDGET_EXHAUSTED: 5,
};

type Standing = {points: number; atMs: number; bannedUntilMs: number};

export class PeerStanding {
  readonly #peers = new Map<PeerId, Standing>();

  /** Charges the peer; true when this charge is the one that bans it. */
  penalize(peer: PeerId, code: ErrorCode, nowMs: number): boolean {
    const before = this.#peers.get(peer) ?? {points: 0, atMs: nowMs, bannedUntilMs: 0};
    const points = decayed(before, nowMs) + (POINTS[code] ?? POINTS_DEFAULT);
    const isBan = points >= POINTS_MAX && before.bannedUntilMs <= nowMs;
    this.#peers.delete(peer);
    this.#peers.set(peer, {
      points: isBan ? 0 : Math.min(points, POINTS_MAX),
      atMs: nowMs,
      bannedUntilMs: isBan ? nowMs + BAN_MS : before.bannedUntilMs,
    });
    this.#forgetOldest();
    return isBan;
  }

  isBanned(peer: PeerId, nowMs: number): boolean {
    return (this.#peers.get(peer)?.bannedUntilMs ?? 0) > nowMs;
  }

  pointsOf(peer: PeerId, nowMs: number): number {
    const standing = this.#peers.get(peer);
    return standing === undefined ? 0 : decayed(standing, nowMs);
  }

  #forgetOldest(): void {
    if (this.#peers.size <= PEERS_MAX) return;
    const oldest = this.#peers.keys().next();
    if (!oldest.done) this.#peers.delete(oldest.value);
  }
}

function decayed(standing: Standing, nowMs: number): number {
  return standing.points * 0.5 ** (Math.max(0, nowMs - standing.atMs) / HALF_LIFE_MS);
}
