import {expect, it} from "vitest";
import {LedgerRig} from "./ledgerRig.ts";

it("catches up with peers that come only after the first look for one", async () => {
  const rig = new LedgerRig({witnesses: 1, followers: 1});
  await rig.start(1);
  await rig.clock.advance(1_000);
  await rig.start(0);
  await rig.until(() => rig.node(0).head().height >= 3n);
  await rig.until(() => rig.node(1).head().height >= 3n);
  expect(rig.node(1).status().isBehind).toBe(false);
  await rig.stop();
});
