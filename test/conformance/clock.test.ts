import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {FakeClock, NodeClock} from "../sim/fakes/fakeClock.ts";
import {clockConformance} from "./clock.ts";

clockConformance("FakeClock", () => {
  const clock = new FakeClock();
  return {clock, pass: (ms) => clock.advance(ms)};
});

clockConformance("NodeClock", () => {
  const clock = new FakeClock();
  return {clock: new NodeClock(clock, -3_600_000), pass: (ms) => clock.advance(ms)};
});

clockConformance("SystemClock", () => {
  const clock = new SystemClock();
  return {clock, pass: (ms) => clock.sleep(ms)};
});
