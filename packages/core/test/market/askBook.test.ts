import type {Ask} from "@catalyze/core/market/ask";
import {AskBook, type AskBookOptions} from "@catalyze/core/market/askBook";
import type {AccountId, PeerId, TaskClass} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Verified} from "@catalyze/core/primitives/verified";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {NOW, verifiedAsk} from "./kit.ts";

const template = verifiedAsk("a");

/** Verified once; the book looks at a few fields only. */
function ask(changes: {
  account?: string;
  peer?: string;
  taskClass?: string;
  sequence?: bigint;
  lifeMs?: number;
}) {
  const {account = "x", peer = "p", taskClass = "onnx/c", sequence = 1n, lifeMs = 30_000} = changes;
  return {
    ...template,
    account: account as AccountId,
    peer: peer as PeerId,
    taskClass: taskClass as TaskClass,
    sequence,
    issuedAtMs: NOW,
    expiresAtMs: (NOW + lifeMs) as UnixMs,
  } as Verified<Ask>;
}

const options: AskBookOptions = {perAccountMax: 3, perClassMax: 4, totalMax: 8};

describe("AskBook", () => {
  it("keeps the newest sequence of a peer and class, whatever came first", () => {
    const book = new AskBook();
    expect(book.add(ask({sequence: 5n}), NOW).kind).toBe("added");
    expect(book.add(ask({sequence: 6n}), NOW).kind).toBe("replaced");
    expect(book.add(ask({sequence: 5n}), NOW)).toEqual({kind: "refused", reason: "stale"});
    expect(book.add(ask({sequence: 6n}), NOW)).toEqual({kind: "refused", reason: "stale"});
    expect(book.live("onnx/c" as TaskClass, NOW).map((live) => live.ask.sequence)).toEqual([6n]);
  });

  it("forgets by its own clock, so that the author's clock does not matter", () => {
    const book = new AskBook();
    const late = (NOW + 80_000) as UnixMs;
    book.add(ask({}), late);
    expect(book.live("onnx/c" as TaskClass, (late + 29_999) as UnixMs)).toHaveLength(1);
    expect(book.live("onnx/c" as TaskClass, (late + 30_000) as UnixMs)).toHaveLength(0);
    expect(book.sweep((late + 30_000) as UnixMs)).toBe(1);
    expect(book.size).toBe(0);
  });

  it("lets an account push out its own asks only", () => {
    const book = new AskBook(options);
    book.add(ask({account: "honest", peer: "h"}), NOW);
    for (let index = 0; index < 20; index += 1) {
      book.add(ask({account: "flood", peer: `f${index}`, taskClass: `onnx/c${index}`}), NOW);
    }
    expect(book.find("h" as PeerId, "onnx/c" as TaskClass, NOW)).toBeDefined();
    expect(book.size).toBe(1 + options.perAccountMax);
  });

  it("keeps the better ranked when a class is full", () => {
    const rankOf = (account: AccountId): number => Number(account.slice(1));
    const book = new AskBook({...options, rankOf});
    for (const rank of [3, 1, 2, 4]) book.add(ask({account: `a${rank}`, peer: `p${rank}`}), NOW);
    expect(book.add(ask({account: "a1", peer: "q"}), NOW)).toEqual({kind: "refused", reason: "classFull"});
    expect(book.add(ask({account: "a5", peer: "p5"}), NOW)).toEqual({kind: "added"});
    expect(book.all(NOW).map((live) => live.ask.account)).toEqual(["a2", "a3", "a4", "a5"]);
  });

  it("forgets a peer in every class", () => {
    const book = new AskBook();
    for (const taskClass of ["onnx/a", "onnx/b"]) book.add(ask({taskClass}), NOW);
    book.removePeer("p" as PeerId);
    expect([book.size, book.all(NOW)]).toEqual([0, []]);
  });

  const eventArb = fc.record({
    account: fc.constantFrom("a", "b", "c", "d"),
    peer: fc.integer({min: 0, max: 2}),
    taskClass: fc.constantFrom("onnx/1", "onnx/2", "onnx/3"),
    sequence: fc.bigInt({min: 0n, max: 4n}),
    lifeMs: fc.integer({min: 20, max: 400}),
    waitMs: fc.integer({min: 0, max: 10}),
  });

  it("stays within its bounds, and nobody with more asks takes the place of one with fewer", () => {
    fc.assert(
      fc.property(fc.array(eventArb, {maxLength: 60}), (events) => {
        const book = new AskBook(options);
        let now = NOW;
        for (const {account, peer, waitMs, ...rest} of events) {
          now = (now + waitMs) as UnixMs;
          const before = book.all(now);
          const count = (name: string) => before.filter((live) => live.ask.account === name).length;
          book.add(ask({account, peer: `${account}${peer}`, ...rest}), now);
          const after = new Set(book.all(now));
          for (const live of before) {
            if (after.has(live) || live.ask.account === account) continue;
            expect(count(live.ask.account)).toBeGreaterThan(count(account));
          }
          expect(book.size).toBeLessThanOrEqual(options.totalMax);
          for (const name of ["a", "b", "c", "d"]) {
            const owned = [...after].filter((live) => live.ask.account === name);
            expect(owned.length).toBeLessThanOrEqual(options.perAccountMax);
          }
        }
        book.sweep((now + 1_000) as UnixMs);
        expect(book.size).toBe(0);
      }),
    );
  });
});
