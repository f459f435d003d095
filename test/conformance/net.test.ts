import type {PeerId} from "@catalyze/core/primitives/id";
import {FakeClock} from "../sim/fakes/fakeClock.ts";
import {FakeNetwork} from "../sim/fakes/fakeNetwork.ts";
import {SeededRandom} from "../sim/fakes/seededRandom.ts";
import {libp2pSubject} from "./libp2pSubject.ts";
import {netConformance} from "./net.ts";

netConformance("FakeNet", async (count) => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, new SeededRandom(1));
  const nets = Array.from({length: count}, (_, index) => network.join(`peer${index}` as PeerId));
  await clock.advance(1_000);
  return {
    nets,
    complete: (work) => clock.complete(work),
    waitFor: async (condition) => {
      if (!(await clock.runUntil(condition, 60_000))) throw new Error("condition not met");
    },
    rest: (ms) => clock.advance(ms),
    sendHostileFrame: async (protocol, frame) => {
      const stream = await nets[0]!.openStream(nets[1]!.self, protocol);
      await stream.sendUnchecked(frame);
    },
    kill: async (index) => network.crash(nets[index]!.self),
    dispose: async () => {},
  };
});

netConformance("Libp2pNet", libp2pSubject);
