/** What every `Clock` promises. The fake and the real one both pass it. */
import type {Clock} from "@catalyze/core/ports/clock";
import {describe, expect, it} from "vitest";

export type ClockSubject = {readonly clock: Clock; readonly pass: (ms: number) => Promise<void>};

export function clockConformance(name: string, make: () => ClockSubject): void {
  describe(`clock: ${name}`, () => {
    it("fires timers in order of time, then of creation", async () => {
      const {clock, pass} = make();
      const fired: string[] = [];
      clock.after(20, () => fired.push("late"));
      clock.after(5, () => fired.push("first"));
      clock.after(5, () => fired.push("second"));
      await pass(60);
      expect(fired).toEqual(["first", "second", "late"]);
    });

    it("never fires a cancelled timer, and cancelling twice is harmless", async () => {
      const {clock, pass} = make();
      let count = 0;
      const cancel = clock.after(5, () => count++);
      cancel();
      cancel();
      await pass(30);
      expect(count).toBe(0);
    });

    it("moves both readings forward together", async () => {
      const {clock, pass} = make();
      const [now, monotonic] = [clock.now(), clock.monotonicMs()];
      await pass(30);
      expect(Number.isInteger(clock.now())).toBe(true);
      expect(clock.now() - now).toBeGreaterThanOrEqual(25);
      expect(clock.monotonicMs() - monotonic).toBeGreaterThanOrEqual(25);
    });

    it("sleeps, and wakes with the signal's reason when aborted", async () => {
      const {clock, pass} = make();
      let isAwake = false;
      void clock.sleep(5).then(() => {
        isAwake = true;
      });
      const abort = new AbortController();
      const reason = new Error("enough");
      const aborted = clock.sleep(1_000_000, abort.signal).catch((error) => error);
      await pass(30);
      expect(isAwake).toBe(true);
      abort.abort(reason);
      await pass(1);
      expect(await aborted).toBe(reason);
      await expect(clock.sleep(1, abort.signal)).rejects.toBe(reason);
    });
  });
}
