import {create} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import {shareOf} from "@catalyze/core/ledger/split";
import {
  areLegsEqual,
  bpsOf,
  legsFor,
  legsFromWire,
  legsProblem,
  legsToWire,
  splitOf,
  splitPreview,
} from "@catalyze/core/market/legs";
import {LegSchema} from "@catalyze/proto/gen/catalyze/v1/market_pb";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {party} from "./kit.ts";

const provider = party("a").account;
const creator = party("creator").account;
const middleware = party("m").account;
const params = {protocolFeeBps: 500};

const partiesArb = fc.record({
  creator: fc.option(fc.record({account: fc.constant(creator), bps: fc.nat(2_000)}), {nil: undefined}),
  middleware: fc.option(fc.record({account: fc.constant(middleware), bps: fc.nat(2_000)}), {nil: undefined}),
});

describe("legs", () => {
  it("are 85/5/5/5 when every role is there, and the provider gets what absent roles leave", () => {
    const bps = (parties: Parameters<typeof legsFor>[0]) => legsFor(parties, params).map((leg) => leg.bps);
    expect(bps({provider, creator: {account: creator}, middleware: {account: middleware}})).toEqual([
      8_500, 500, 500, 500,
    ]);
    expect(bps({provider, creator: {account: creator}})).toEqual([9_000, 500, 500]);
    expect(bps({provider})).toEqual([9_500, 500]);
    expect(bps({provider, creator: {account: creator, bps: 0}})).toEqual([9_500, 500]);
  });

  it("always sum to the whole and survive the wire", () => {
    fc.assert(
      fc.property(partiesArb, fc.integer({min: 100, max: 500}), (roles, protocolFeeBps) => {
        const legs = legsFor({provider, ...roles}, {protocolFeeBps});
        expect(legs.reduce((sum, leg) => sum + leg.bps, 0)).toBe(10_000);
        expect(areLegsEqual(legsFromWire(legsToWire(legs)), legs)).toBe(true);
        expect(bpsOf(legs, "creator")).toBe(roles.creator?.bps ?? 0);
      }),
    );
  });

  it("split a charge like the ledger does, down to the µCTZ", () => {
    fc.assert(
      fc.property(partiesArb, fc.bigInt({min: 0n, max: 1n << 60n}), (roles, charge) => {
        const legs = legsFor({provider, ...roles}, params);
        const {shares, remainder} = splitPreview(charge, legs);
        expect(shares.map((share) => share.uctz)).toEqual(splitOf(legs).map((leg) => shareOf(leg, charge)));
        expect(shares.reduce((sum, share) => sum + share.uctz, remainder)).toBe(charge);
        expect(remainder).toBeLessThan(BigInt(legs.length));
        expect(remainder).toBeGreaterThanOrEqual(0n);
      }),
    );
    expect(splitPreview(19n, legsFor({provider}, params))).toMatchObject({remainder: 1n});
  });

  it("refuse what takes too much or stands in another order", () => {
    expect(() => legsFor({provider, creator: {account: creator, bps: 2_001}}, params)).toThrow(CodedError);
    expect(() => legsFor({provider}, {protocolFeeBps: 501})).toThrow(CodedError);
    expect(() => legsFor({provider}, {protocolFeeBps: 0})).toThrow(CodedError);
    const legs = legsFor({provider, creator: {account: creator}}, params);
    expect(legsProblem([...legs].reverse())).toBe("order");
    expect(legsProblem([...legs, ...legs])).toBe("order");
    expect(legsProblem(legs.slice(1))).toBe("missing");
    expect(legsProblem([])).toBe("missing");
  });

  it("refuse anything else on the wire", () => {
    const cell = new Uint8Array(32);
    const legArb = fc.record({
      role: fc.constantFrom(0, 1, 2, 3, 4, 5),
      cell: fc.constantFrom(cell, new Uint8Array(), new Uint8Array(31)),
      bps: fc.constantFrom(0, 100, 500, 9_500, 9_000, 10_000, 4_294_967_295),
    });
    fc.assert(
      fc.property(fc.array(legArb, {maxLength: 6}), (wire) => {
        try {
          const legs = legsFromWire(wire.map((leg) => create(LegSchema, leg)));
          expect(legsProblem(legs)).toBeUndefined();
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
    );
  });
});
