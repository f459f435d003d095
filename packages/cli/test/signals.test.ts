import {afterEach, describe, expect, it, vi} from "vitest";
import {ECHO_MS, onInterrupt} from "../src/signals.ts";

afterEach(() => vi.restoreAllMocks());

describe("signals", () => {
  it("the first asks, the second ends the process with the shell's number", () => {
    const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
    const now = vi.spyOn(performance, "now").mockReturnValue(0);
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const heard: string[] = [];
      const off = onInterrupt((name) => heard.push(name));
      process.emit(signal);
      expect([heard, exit.mock.calls.length]).toEqual([[signal], 0]);
      now.mockReturnValue(now() + ECHO_MS);
      process.emit(signal);
      expect(exit.mock.calls[0]).toEqual([code]);
      off();
      exit.mockClear();
    }
  });

  it("takes the echo of one Ctrl-C for the same", () => {
    const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
    const now = vi.spyOn(performance, "now").mockReturnValue(0);
    const off = onInterrupt(() => undefined);
    process.emit("SIGINT");
    now.mockReturnValue(ECHO_MS - 1);
    process.emit("SIGINT");
    process.emit("SIGTERM");
    off();
    expect(exit).not.toHaveBeenCalled();
  });

  it("is off when it was taken off", () => {
    const before = process.listenerCount("SIGINT");
    onInterrupt(() => undefined)();
    expect(process.listenerCount("SIGINT")).toBe(before);
  });
});
