import {SMALL_ORDER_ENCODINGS} from "@catalyze/core/crypto/verifySignature";
import type {SignatureCheck} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {afterEach, describe, expect, it} from "vitest";
import {packChecks, unpackChecks} from "../../src/identity/checkBatch.ts";
import {CheckThread} from "../../src/identity/checkThread.ts";
import {testSigner} from "../ledger/testSigner.ts";

const signer = testSigner(1);
const threads: CheckThread[] = [];

function open(): CheckThread {
  const thread = new CheckThread();
  threads.push(thread);
  return thread;
}

function signed(text: string): SignatureCheck {
  const message = Buffer.from(text);
  return {message, signature: signer.sign(message), publicKey: signer.publicKey};
}

afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.stop();
});

describe("the checking thread", () => {
  it("says which signatures are surely valid, in the order of the calls", async () => {
    const thread = open();
    const good = signed("good");
    const wrong = {...good, message: Buffer.from("other")};
    const small = {...good, publicKey: fromHex([...SMALL_ORDER_ENCODINGS][0]!)};
    const [first, second] = await Promise.all([
      thread.check([good, wrong, small, signed("also good")]),
      thread.check([wrong, good]),
    ]);
    expect([...first]).toEqual([1, 0, 0, 1]);
    expect([...second]).toEqual([0, 1]);
  });

  it("is sure of nothing once it is stopped, also of what it was asked before", async () => {
    const thread = open();
    const asked = thread.check([signed("asked")]);
    await thread.stop();
    expect((await asked).length).toBe(1);
    expect([...(await thread.check([signed("later")]))]).toEqual([0]);
  });

  it("gets what was sent", () => {
    const bytes = (length: number) => fc.uint8Array({minLength: length, maxLength: length});
    const check = fc.record({message: fc.uint8Array(), publicKey: bytes(32), signature: bytes(64)});
    fc.assert(
      fc.property(fc.array(check), (checks) => {
        expect(unpackChecks(packChecks(checks))).toEqual(checks);
      }),
    );
  });
});
