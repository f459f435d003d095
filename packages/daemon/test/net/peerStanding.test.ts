import type {PeerId} from "@catalyze/core/primitives/id";
import {BAN_MS, PeerStanding} from "@catalyze/daemon/net/peerStanding";
import {describe, expect, it} from "vitest";

const peer = "peer" as PeerId;

describe("PeerStanding", () => {
  it("bans at the limit, for a minute, and then starts afresh", () => {
    const standing = new PeerStanding();
    expect(standing.penalize(peer, "SIGNATURE_INVALID", 0)).toBe(false);
    expect(standing.isBanned(peer, 0)).toBe(false);
    expect(standing.penalize(peer, "SIGNATURE_INVALID", 0)).toBe(true);
    expect(standing.isBanned(peer, BAN_MS - 1)).toBe(true);
    expect(standing.isBanned(peer, BAN_MS)).toBe(false);
    expect(standing.penalize(peer, "SIGNATURE_INVALID", BAN_MS)).toBe(false);
  });

  it("forgives small faults that are far apart", () => {
    const standing = new PeerStanding();
    for (let minute = 0; minute < 100; minute++) {
      expect(standing.penalize(peer, "MESSAGE_UNEXPECTED", minute * 60_000)).toBe(false);
    }
  });

  it("stays bounded when a flood of peers misbehaves", () => {
    const standing = new PeerStanding();
    standing.penalize(peer, "MESSAGE_UNEXPECTED", 0);
    for (let index = 0; index < 5_000; index++) standing.penalize(`p${index}` as PeerId, "DECODE_INVALID", 0);
    expect(standing.pointsOf(peer, 0)).toBe(0);
    expect(standing.pointsOf("p4999" as PeerId, 0)).toBeGreaterThan(0);
  });
});
