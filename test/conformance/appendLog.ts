/** What every `AppendLog` promises. */
import type {AppendLog} from "@catalyze/core/ports/store";
import {describe, expect, it} from "vitest";

export type LogSubject = {
  readonly log: AppendLog;
  readonly reopen: () => Promise<AppendLog>;
  readonly dispose: () => Promise<void>;
};

const record = (value: number, length = 3) => new Uint8Array(length).fill(value);

export function appendLogConformance(name: string, make: () => Promise<LogSubject>): void {
  const withLog = async (run: (subject: LogSubject) => Promise<void>) => {
    const subject = await make();
    try {
      await run(subject);
    } finally {
      await subject.dispose();
    }
  };

  describe(`append log: ${name}`, () => {
    it("reads back every record in order, empty ones too", () =>
      withLog(async ({log, reopen}) => {
        expect(await log.read()).toEqual([]);
        await log.append([record(1), record(2, 0)]);
        await log.append([]);
        await log.append([record(3, 100_000)]);
        const wanted = [record(1), record(2, 0), record(3, 100_000)];
        expect(await log.read()).toEqual(wanted);
        expect(await (await reopen()).read()).toEqual(wanted);
      }));

    it("keeps the order of appends that were not awaited", () =>
      withLog(async ({log}) => {
        await Promise.all([1, 2, 3, 4, 5].map((value) => log.append([record(value)])));
        expect((await log.read()).map((bytes) => bytes[0])).toEqual([1, 2, 3, 4, 5]);
      }));

    it("compacts atomically and goes on appending", () =>
      withLog(async ({log, reopen}) => {
        await log.append([record(1), record(2)]);
        await log.compact([record(2)]);
        await log.append([record(3)]);
        expect(await log.read()).toEqual([record(2), record(3)]);
        expect(await (await reopen()).read()).toEqual([record(2), record(3)]);
      }));
  });
}
