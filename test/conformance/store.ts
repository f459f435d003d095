/** What every `Store` promises. */
import type {Store} from "@catalyze/core/ports/store";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

export type StoreSubject = {
  readonly store: Store;
  /** Closes it cleanly and opens it again. */
  readonly reopen: () => Promise<Store>;
  readonly dispose: () => Promise<void>;
};

const bytes = (...values: number[]) => new Uint8Array(values);

export function storeConformance(name: string, make: () => Promise<StoreSubject>): void {
  const withStore = async (run: (subject: StoreSubject) => Promise<void>) => {
    const subject = await make();
    try {
      await run(subject);
    } finally {
      await subject.dispose();
    }
  };

  describe(`store: ${name}`, () => {
    it("returns undefined for a missing key and an empty list for an empty range", () =>
      withStore(async ({store}) => {
        expect(await store.get("none")).toBeUndefined();
        expect(await store.range("none/")).toEqual([]);
      }));

    it("keeps empty values apart from missing ones", () =>
      withStore(async ({store}) => {
        await store.write([{key: "empty", value: bytes()}]);
        expect(await store.get("empty")).toEqual(bytes());
      }));

    it("applies a batch in order: the last change of a key wins", () =>
      withStore(async ({store}) => {
        await store.write([
          {key: "a", value: bytes(1)},
          {key: "a", value: undefined},
          {key: "b", value: undefined},
          {key: "b", value: bytes(2)},
        ]);
        expect(await store.get("a")).toBeUndefined();
        expect(await store.get("b")).toEqual(bytes(2));
      }));

    it("ranges over one prefix, bytewise, with after, limit and reverse", () =>
      withStore(async ({store}) => {
        const keys = ["a/1", "a/10", "a/2", "a/~", "a0", "b/1", "a"];
        await store.write(keys.map((key, index) => ({key, value: bytes(index)})));
        const range = async (...args: Parameters<Store["range"]>) =>
          (await store.range(...args)).map(([key]) => key);
        expect(await range("a/")).toEqual(["a/1", "a/10", "a/2", "a/~"]);
        expect(await range("a/", {after: "a/1"})).toEqual(["a/10", "a/2", "a/~"]);
        expect(await range("a/", {after: "a/11", limit: 1})).toEqual(["a/2"]);
        expect(await range("a/", {reverse: true, limit: 2})).toEqual(["a/~", "a/2"]);
        expect(await range("a/", {reverse: true, after: "a/2"})).toEqual(["a/10", "a/1"]);
        // A position outside the prefix selects all of it or nothing.
        expect(await range("a/", {after: "Z"})).toHaveLength(4);
        expect(await range("a/", {after: "z"})).toEqual([]);
        expect(await range("a/", {after: "Z", reverse: true})).toEqual([]);
      }));

    it("hands out copies: what the caller changes later stays outside", () =>
      withStore(async ({store}) => {
        const value = bytes(1, 2, 3);
        await store.write([{key: "k", value}], {sync: true});
        value[0] = 9;
        const read = (await store.get("k"))!;
        read[1] = 9;
        expect(await store.get("k")).toEqual(bytes(1, 2, 3));
      }));

    it("shows a snapshot as it was, whatever is written later", () =>
      withStore(async ({store}) => {
        await store.write([
          {key: "s/1", value: bytes(1)},
          {key: "s/2", value: bytes(2)},
        ]);
        const snapshot = store.snapshot();
        await store.write([
          {key: "s/1", value: undefined},
          {key: "s/2", value: bytes(9)},
          {key: "s/3", value: bytes(3)},
        ]);
        expect(await snapshot.get("s/1")).toEqual(bytes(1));
        expect(await snapshot.get("s/3")).toBeUndefined();
        expect(await snapshot.range("s/", {after: "s/1"})).toEqual([["s/2", bytes(2)]]);
        await snapshot.close();
        expect(await store.range("s/")).toEqual([
          ["s/2", bytes(9)],
          ["s/3", bytes(3)],
        ]);
      }));

    it("keeps everything across a reopen", () =>
      withStore(async ({store, reopen}) => {
        await store.write([{key: "k", value: bytes(7)}], {sync: true});
        const again = await reopen();
        expect(await again.get("k")).toEqual(bytes(7));
      }));

    it("agrees with a plain map under random batches", () =>
      withStore(async ({store}) => {
        const model = new Map<string, Uint8Array>();
        const keyArb = fc.constantFrom("p/a", "p/b", "p/ba", "p/c", "q/a");
        const writeArb = fc.record({
          key: keyArb,
          value: fc.option(fc.uint8Array({maxLength: 8}), {nil: undefined}),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(writeArb, {maxLength: 6}), async (batch) => {
            await store.write(batch);
            for (const {key, value} of batch) {
              if (value === undefined) model.delete(key);
              else model.set(key, value);
            }
            const wanted = [...model]
              .filter(([key]) => key.startsWith("p/"))
              .sort(([a], [b]) => (a < b ? -1 : 1));
            expect(await store.range("p/")).toEqual(wanted);
          }),
          {numRuns: 60},
        );
      }));
  });
}
