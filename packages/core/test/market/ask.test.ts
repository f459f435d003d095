import {CodedError} from "@catalyze/core/errors/codedError";
import {type AskTerms, bindPeer, openAsk, signAsk} from "@catalyze/core/market/ask";
import {encodeSigned, hashSigned, openSigned, sealSigned} from "@catalyze/core/market/envelope";
import {legsFor} from "@catalyze/core/market/legs";
import type {PeerId, TaskClass} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {DOMAIN} from "@catalyze/proto/domains";
import * as fc from "fast-check";
import {describe, expect, it} from "vitest";
import {
  askTerms,
  context,
  genesisHash,
  keyOfPeer,
  NOW,
  openAskNow,
  party,
  signedAsk,
  verifiedAsk,
  verifier,
} from "./kit.ts";

function codeOf(result: ReturnType<typeof openAskNow>): string {
  return result.verdict === "accept" ? "accept" : `${result.verdict} ${result.error.code}`;
}

describe("openAsk", () => {
  it("returns what was signed, from a message and from bytes", () => {
    for (const input of [signedAsk("a"), encodeSigned(signedAsk("a"))]) {
      const result = openAskNow(input);
      expect(result.verdict).toBe("accept");
      if (result.verdict !== "accept") return;
      expect(result.ask).toMatchObject(askTerms("a"));
      expect(result.ask.accountKey).toEqual(party("a").signer.publicKey);
    }
  });

  it("refuses a signature by anyone but the account", () => {
    const {account, peer, peerSigner} = party("a");
    const binding = bindPeer(account, peer, peerSigner, context);
    expect(codeOf(openAskNow(signAsk(askTerms("a"), binding, party("b").signer, context)))).toBe(
      "reject SIGNATURE_INVALID",
    );
  });

  it("refuses a peer that did not sign for the account", () => {
    const {account, signer, peerSigner} = party("a");
    const {peer, peerSigner: other} = party("b");
    const terms = askTerms("a", {peer});
    for (const binding of [
      bindPeer(account, peer, peerSigner, context),
      bindPeer(party("b").account, peer, other, context),
    ]) {
      expect(codeOf(openAskNow(signAsk(terms, binding, signer, context)))).toMatch(/^reject/);
    }
    expect(codeOf(openAskNow(signAsk(terms, bindPeer(account, peer, other, context), signer, context)))).toBe(
      "accept",
    );
  });

  it("refuses a peer key that is not the one of the peer id", () => {
    const {account, peer, peerSigner, signer} = party("a");
    const binding = {
      ...bindPeer(account, peer, peerSigner, context),
      peerKey: party("b").peerSigner.publicKey,
    };
    expect(codeOf(openAskNow(signAsk(askTerms("a"), binding, signer, context)))).toBe(
      "reject DECODE_INVALID",
    );
    const unknown = openAsk(signedAsk("a"), {...context, nowMs: NOW, keyOfPeer: () => undefined});
    expect(codeOf(unknown)).toBe("reject DECODE_INVALID");
  });

  it("refuses a statement of another network or for another purpose", () => {
    const otherGenesis = {verifier, genesisHash: genesisHash.map((byte) => byte ^ 1)};
    const foreign = openAsk(signedAsk("a"), {...otherGenesis, nowMs: NOW, keyOfPeer});
    expect(codeOf(foreign)).toBe("reject SIGNATURE_INVALID");
    const asQuote = sealSigned(DOMAIN.quote, signedAsk("a").body, party("a").signer, context);
    expect(codeOf(openAskNow(asQuote))).toBe("reject SIGNATURE_INVALID");
  });

  it("tolerates clocks a minute apart and names one an hour off, without blame", () => {
    const ask = signedAsk("a");
    expect(codeOf(openAskNow(ask, (NOW - 60_000) as UnixMs))).toBe("accept");
    expect(codeOf(openAskNow(ask, (NOW + 90_000) as UnixMs))).toBe("accept");
    for (const hour of [-3_600_000, 3_600_000]) {
      const result = openAskNow(ask, (NOW + hour) as UnixMs);
      expect(codeOf(result)).toBe("ignore MESSAGE_EXPIRED");
      if (result.verdict !== "accept") expect(result.error.row.hint).toContain("clock");
    }
  });

  it("does not blame the sender when our own port breaks", () => {
    const broken = (): never => {
      throw new TypeError("not a peer id");
    };
    expect(codeOf(openAsk(signedAsk("a"), {...context, nowMs: NOW, keyOfPeer: broken}))).toBe(
      "ignore INTERNAL",
    );
  });

  const bad: [string, Partial<AskTerms>][] = [
    ["no slots", {slots: 0, slotsBusy: 0}],
    ["more busy slots than slots", {slots: 1, slotsBusy: 2}],
    ["an endless life", {expiresAtMs: (NOW + 120_001) as UnixMs}],
    ["no life", {expiresAtMs: NOW}],
    ["a price above the bound", {unitPrice: 1_000_000_000_000_001n}],
    ["an unknown unit", {unit: "second" as "mac"}],
    ["a class without a name", {taskClass: "onnx" as TaskClass}],
    ["a peer id with a space", {peer: "12D3 Koo" as PeerId}],
    ["legs that pay somebody else", {legs: legsFor({provider: party("b").account}, {protocolFeeBps: 500})}],
    [
      "legs below the sum",
      {legs: legsFor({provider: party("a").account}, {protocolFeeBps: 500}).slice(0, 1)},
    ],
    [
      "a middleware's leg",
      {
        legs: legsFor(
          {provider: party("a").account, middleware: {account: party("m").account}},
          {protocolFeeBps: 500},
        ),
      },
    ],
  ];
  it.each(bad)("refuses %s", (_, changes) => {
    expect(codeOf(openAskNow(signedAsk("a", changes)))).toBe("reject DECODE_INVALID");
  });

  it("refuses more bytes than an ask has", () => {
    expect(codeOf(openAskNow(new Uint8Array(8 * 1024)))).toBe("reject FRAME_TOO_LARGE");
    const fat = sealSigned(DOMAIN.ask, new Uint8Array(5 * 1024), party("a").signer, context);
    expect(codeOf(openAskNow(fat))).toBe("reject FRAME_TOO_LARGE");
  });

  it("answers any bytes and any flipped bit with a code", () => {
    const bytes = encodeSigned(signedAsk("a"));
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 300}), (noise) => {
        const result = openAskNow(noise);
        expect(result.verdict).toBe("reject");
      }),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({min: 1, max: 255}), (at, mask) => {
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ mask;
        const result = openAskNow(flipped);
        expect(result.verdict).not.toBe("accept");
        if (result.verdict !== "accept") expect(result.error.code).not.toBe("INTERNAL");
      }),
      {numRuns: 150},
    );
  });
});

describe("openSigned", () => {
  it("covers the bytes as received: any other body fails", () => {
    const signed = signedAsk("a");
    const body = Uint8Array.from(signed.body);
    body[0] = (body[0] ?? 0) ^ 1;
    expect(() => openSigned(DOMAIN.ask, {...signed, body}, context)).toThrow(CodedError);
    expect(openSigned(DOMAIN.ask, signed, context).account).toBe(party("a").account);
  });

  it("refuses a second form of the same envelope", () => {
    const bytes = encodeSigned(signedAsk("a"));
    const group = Uint8Array.from(bytes);
    group[0] = 0x0b;
    const unknownField = Uint8Array.of(...bytes, 0x78, 0x01);
    for (const other of [group, unknownField]) {
      expect(() => openSigned(DOMAIN.ask, other, context)).toThrow(
        expect.objectContaining({code: "DECODE_INVALID", evidence: {reason: "notCanonical"}}),
      );
    }
  });

  it("refuses keys and signatures of other lengths", () => {
    const signed = signedAsk("a");
    for (const change of [{publicKey: new Uint8Array(33)}, {signature: new Uint8Array(65)}]) {
      expect(() => openSigned(DOMAIN.ask, {...signed, ...change}, context)).toThrow(
        "Bytes that do not decode.",
      );
    }
  });

  it("names each signed statement by its bytes", () => {
    expect(hashSigned(signedAsk("a"))).not.toBe(hashSigned(signedAsk("a", {sequence: 8n})));
    expect(verifiedAsk("a").signed.body).toEqual(signedAsk("a").body);
  });
});
