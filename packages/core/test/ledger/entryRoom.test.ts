import type {Effect} from "@catalyze/core/ledger/effects";
import {placeOfEntry} from "@catalyze/core/ledger/entryNumber";
import {ENTRY_ROOM, roomAt, writerPace} from "@catalyze/core/ledger/entryRoom";
import {PARAMS_DEMO, PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {Replica} from "@catalyze/core/ledger/replica";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import type {PeerId} from "@catalyze/core/primitives/id";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {entryOf, genesisOf, NOW, replicaOf, settle, verifier, witnesses} from "./witnessKit.ts";

const SMALL = {...ENTRY_ROOM, uncoveredMax: 40n, perHeight: 4n, ownUncoveredMax: 8n};
const PER_EPOCH = 5;

/** What happens to the log of one honest member between two of its entries. */
const turnArb = fc.constantFrom("vote", "vote", "stamp", "height", "covered", "cutOff");

describe("the room of a log", () => {
  it("grows by so much a height, and by no height that nobody here knows", () => {
    const moment = {...SMALL, height: 7n, checkpointsPerEpoch: PER_EPOCH};
    expect([5n, 7n, 8n, 9n, 99n].map((stampH) => roomAt(stampH, moment))).toEqual([44n, 52n, 56n, 56n, 56n]);
  });

  it("is twice what a writer fills at full pace", () => {
    for (const {checkpointIntervalMs, entryIntervalMs} of [PARAMS_PRODUCTION, PARAMS_DEMO])
      expect(Number(ENTRY_ROOM.perHeight)).toBeGreaterThan((2 * checkpointIntervalMs) / entryIntervalMs);
    const {uncoveredMax, ownUncoveredMax} = ENTRY_ROOM;
    expect(Number(uncoveredMax - ownUncoveredMax)).toBeGreaterThan(PARAMS_PRODUCTION.checkpointsPerEpoch);
  });

  it("slows a writer down before it stops it, and leaves it its stamps", () => {
    const moment = {...ENTRY_ROOM, height: 0n, checkpointsPerEpoch: 720};
    const at = (written: bigint) => writerPace({written, covered: 0n}, moment);
    expect(at(4_096n).votes).toBe(1);
    expect(at(6_144n).votes).toBe(2);
    expect(at(8_191n).votes).toBe(4_096);
    expect(at(8_192n)).toEqual({votes: Number.POSITIVE_INFINITY, stamps: 1});
    expect(at(32_768n).stamps).toBe(Number.POSITIVE_INFINITY);
  });

  it("is always enough for a stamp at each height, whatever an honest member wrote before and was cut off from", () => {
    const life = fc.array(turnArb, {maxLength: 400});
    fc.assert(
      fc.property(life, (turns) => {
        let [height, written, covered, stampedH] = [0n, 0n, 0n, -1n];
        let open: {readonly place: bigint; readonly stampH: bigint}[] = [];
        const moment = () => ({...SMALL, height, checkpointsPerEpoch: PER_EPOCH});
        const write = () => {
          written += 1n;
          open.push({place: written, stampH: height});
        };
        for (const turn of turns) {
          const pace = writerPace({written, covered}, moment());
          if (turn === "vote" && Number.isFinite(pace.votes)) write();
          if (turn === "stamp" && stampedH < height) {
            expect(pace.stamps).toBeLessThan(Number.POSITIVE_INFINITY);
            write();
            stampedH = height;
          }
          if (turn === "covered") covered = written;
          if (turn === "height" || turn === "covered") {
            height += 1n;
            if (height % BigInt(PER_EPOCH) === 0n) [written, covered, open] = [0n, 0n, []];
          }
          // Everything that it wrote in the epoch fits, at every node, at any later time.
          for (const {place, stampH} of open) expect(place <= roomAt(stampH, moment())).toBe(true);
        }
      }),
    );
  });
});

describe("a member that writes without end", () => {
  const genesis = genesisOf(4);
  const flooder = "flooder" as PeerId;
  const take = (replica: Replica, n: bigint, stampH = 0n): Effect[] => {
    const {bytes} = entryOf(genesis, {
      witness: 3,
      n,
      stampH,
      ...(n > 1n && {prev: "ab".repeat(32) as never}),
    });
    return replica.step({kind: "entry", bytes, from: flooder}, NOW);
  };

  it("is heard to where its log may go; what is beyond is not looked at, and proves nothing", () => {
    const replica = replicaOf(genesis, 0);
    const fits = ENTRY_ROOM.uncoveredMax + ENTRY_ROOM.perHeight;
    const refusals = (effects: readonly Effect[]) =>
      effects.flatMap((effect) => (effect.kind === "rejected" ? [effect.code] : []));
    expect(refusals(take(replica, fits))).toEqual([]);
    expect(refusals(take(replica, fits + 1n))).toEqual(["NOT_FOUND"]);
    // A stamp of a height to come brings one height's room, not the epoch's.
    expect(refusals(take(replica, fits + ENTRY_ROOM.perHeight, 9n))).toEqual([]);
    expect(refusals(take(replica, fits + ENTRY_ROOM.perHeight + 1n, 9n))).toEqual(["NOT_FOUND"]);
  });

  it("is obeyed by honest writers, who go on when checkpoints do", () => {
    const room = {...ENTRY_ROOM, uncoveredMax: 12n, perHeight: 4n, ownUncoveredMax: 4n};
    const replicas = [0, 1, 2, 3].map(
      (index) =>
        new Replica(
          {genesis, verifier, voteSigner: witnesses[index]!, entryRoom: room},
          freshReplica(genesis),
        ),
    );
    for (let round = 0; round < 60; round += 1) settle(replicas, NOW + round * 500);
    for (const {checkpoint} of replicas) expect(checkpoint.height).toBeGreaterThan(10n);
    for (const replica of replicas)
      for (const {n} of replica.heads()) expect(placeOfEntry(n)).toBeGreaterThan(room.uncoveredMax);
  });
});
