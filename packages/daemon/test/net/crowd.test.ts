import type {PeerId} from "@catalyze/core/primitives/id";
import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_HOST_MAX,
  CONNECTIONS_PER_PEER_MAX,
  isCrowded,
} from "@catalyze/daemon/net/crowd";
import {describe, expect, it} from "vitest";

const seat = (peer: string, host: string) => ({peer: peer as PeerId, address: `/ip4/${host}/tcp/1`});

describe("isCrowded", () => {
  it("gives one peer its share, from wherever it comes", () => {
    const seated = Array.from({length: CONNECTIONS_PER_PEER_MAX}, (_, at) => seat("greedy", `10.0.0.${at}`));
    expect(isCrowded(seated.slice(1), seat("greedy", "10.0.1.1"))).toBe(false);
    expect(isCrowded(seated, seat("greedy", "10.0.1.1"))).toBe(true);
    expect(isCrowded(seated, seat("other", "10.0.0.1"))).toBe(false);
  });

  it("leaves room for others beside a machine full of peers", () => {
    const seated = Array.from({length: CONNECTIONS_PER_HOST_MAX}, (_, at) => seat(`p${at}`, "10.0.0.1"));
    expect(isCrowded(seated, seat("one more", "10.0.0.1"))).toBe(true);
    expect(isCrowded(seated, seat("one more", "10.0.0.2"))).toBe(false);
    expect(CONNECTIONS_PER_HOST_MAX).toBeLessThan(CONNECTIONS_MAX);
  });
});
