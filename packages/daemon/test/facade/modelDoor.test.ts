import type {Cid, PeerId} from "@catalyze/core/primitives/id";
import type {Manifest} from "@catalyze/core/task/manifest";
import {describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {addModel} from "../../src/facade/modelDoor.ts";
import type {Parts} from "../../src/node/wire.ts";

const CID = `b${"a".repeat(58)}` as Cid;
const MANIFEST = {kind: "vad"} as Manifest;

/** A node that meets the one holder `joinsAtMs` after its start. */
function partsOf(joinsAtMs: number): {readonly parts: Parts; readonly clock: FakeClock; sold: Cid[]} {
  const clock = new FakeClock();
  const startMs = clock.monotonicMs();
  const sold: Cid[] = [];
  const holder = "holder" as PeerId;
  const parts = {
    clock,
    net: {peers: () => (clock.monotonicMs() - startMs >= joinsAtMs ? [{peer: holder}] : [])},
    catalog: {
      manifestOf: async (_class: string, sources: readonly PeerId[]) =>
        sources.includes(holder) ? MANIFEST : undefined,
      sell: async ({cid}: {cid: Cid}) => void sold.push(cid),
    },
  };
  return {parts: parts as unknown as Parts, clock, sold};
}

describe("a bundle by its content id", () => {
  const body = {source: "cid", cid: CID} as const;

  it("is looked for again while the node gets to know its peers", async () => {
    const {parts, clock, sold} = partsOf(3_000);
    const adding = addModel(parts, body);
    await clock.advance(5_000);
    expect(await adding).toEqual({cid: CID, manifest: MANIFEST});
    expect(sold).toEqual([CID]);
  });

  it("that nobody holds is said to be missing in the network, not by the user", async () => {
    const {parts, clock, sold} = partsOf(60_000);
    const adding = addModel(parts, body).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await adding).toMatchObject({code: "BLOB_NOT_FOUND", evidence: {bundle: CID, peers: 0}});
    expect(sold).toEqual([]);
  });
});
