/** What a checkpoint pays for ops that bad members alone voted for. */
import type {Op} from "@catalyze/core/ledger/op";
import {SoundCopies} from "@catalyze/core/ledger/soundCopies";
import type {Soundness} from "@catalyze/core/ledger/soundness";
import {LedgerState} from "@catalyze/core/ledger/state";
import fc from "fast-check";
import {describe, expect, it} from "vitest";

type Made = {readonly op: Op; readonly mask: number; readonly soundness: Soundness};

let made = 0;
function copy(mask: number, soundness: Soundness): Made {
  made += 1;
  return {op: {bytes: Uint8Array.of(made >> 8, made & 255)} as Op, mask, soundness};
}

/** Asks for candidates in turn; what was found, and how often a signature was looked at. */
function asked(candidates: readonly (readonly Made[])[]) {
  const worth = new Map(candidates.flat().map(({op, soundness}) => [op, soundness]));
  let checks = 0;
  const sound = new SoundCopies((op) => {
    checks += 1;
    return worth.get(op)!;
  });
  const found = candidates.map((copies) => sound.of({copies}, LedgerState.empty(), 1));
  return {found, checks};
}

describe("sound copies", () => {
  it("cost one forgery of each bad member, however many it carried", () => {
    const forged = (mask: number, count: number) => Array.from({length: count}, () => [copy(mask, "forged")]);
    const good = copy(1, "sound");
    const {found, checks} = asked([...forged(8, 100), ...forged(4, 50), ...forged(12, 50), [good]]);
    expect(found.filter((op) => op !== undefined)).toEqual([good.op]);
    expect(checks).toBe(3);
  });

  it("are found among false ones that a bad member made of the same op", () => {
    const good = copy(9, "sound");
    const spoilt = Array.from({length: 20}, () => copy(8, "forged"));
    const {found, checks} = asked([[...spoilt.slice(10), good, ...spoilt.slice(0, 10)]]);
    expect(found).toEqual([good.op]);
    expect(checks).toBeLessThan(3);
  });

  it("of a forger alone count no more, and those that somebody else voted for do", () => {
    const both = copy(9, "sound");
    expect(asked([[copy(8, "forged")], [copy(8, "sound")], [both]]).found).toEqual([
      undefined,
      undefined,
      both.op,
    ]);
  });

  it("are not taken from who voted for what is no more valid", () => {
    const good = copy(1, "sound");
    expect(asked([[copy(1, "unsound")], [good]]).found).toEqual([undefined, good.op]);
  });

  it("are the same in whatever order a node saw the copies", () => {
    const copyArb = fc
      .tuple(fc.integer({min: 1, max: 15}), fc.constantFrom<Soundness>("sound", "unsound", "forged"))
      .map(([mask, soundness]) => copy(mask, soundness));
    fc.assert(
      fc.property(fc.array(fc.array(copyArb, {minLength: 1, maxLength: 5}), {maxLength: 6}), (candidates) => {
        expect(asked(candidates.map((copies) => copies.toReversed()))).toEqual(asked(candidates));
      }),
    );
  });
});
