import {EventEmitter} from "node:events";
import {SMALL_ORDER_ENCODINGS} from "@catalyze/core/crypto/verifySignature";
import type {SignatureCheck} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import fc from "fast-check";
import {afterEach, describe, expect, it} from "vitest";
import {FakeClock} from "../../../../test/sim/fakes/fakeClock.ts";
import {packChecks, unpackChecks} from "../../src/identity/checkBatch.ts";
import {ANSWER_MAX_MS, CheckThread, type CheckWorker, REPLACED_MAX} from "../../src/identity/checkThread.ts";
import {SystemClock} from "../../src/runtime/systemClock.ts";
import {testSigner} from "../ledger/testSigner.ts";

const signer = testSigner(1);
const threads: CheckThread[] = [];

function open(): CheckThread {
  const thread = new CheckThread({clock: new SystemClock()});
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

  describe("that does not answer", () => {
    /** Answers like a thread when it is told to. */
    class FakeWorker extends EventEmitter {
      asked = 0;
      isTerminated = false;
      postMessage(): void {
        this.asked += 1;
      }
      answer(count: number): void {
        this.emit("message", new Uint8Array(count).fill(1));
      }
      unref(): void {}
      async terminate(): Promise<number> {
        this.isTerminated = true;
        this.emit("exit");
        return 1;
      }
    }

    function rig() {
      const clock = new FakeClock();
      const workers: FakeWorker[] = [];
      const open = () => {
        const worker = new FakeWorker();
        workers.push(worker);
        return worker as unknown as CheckWorker;
      };
      const thread = new CheckThread({clock, open});
      threads.push(thread);
      return {clock, workers, thread};
    }

    it("is given up after a while, those who wait check for themselves, and the next one is another", async () => {
      const {clock, workers, thread} = rig();
      const asked = [thread.check([signed("a"), signed("b")]), thread.check([signed("c")])];
      await clock.run(ANSWER_MAX_MS - 1);
      expect(thread.failures).toBe(0);
      await clock.run(ANSWER_MAX_MS);
      expect((await Promise.all(asked)).map((answers) => [...answers])).toEqual([[0, 0], [0]]);
      expect([thread.failures, workers[0]!.isTerminated]).toEqual([1, true]);
      const later = thread.check([signed("d")]);
      // What the first one says now is too late.
      workers[0]!.answer(1);
      workers[1]!.answer(1);
      expect([...(await later)]).toEqual([1]);
      await clock.run(10 * ANSWER_MAX_MS);
      expect([thread.failures, workers.length]).toEqual([1, 2]);
    });

    it("has its time anew with each answer", async () => {
      const {clock, workers, thread} = rig();
      const asked = [thread.check([signed("a")]), thread.check([signed("b")])];
      await clock.run(ANSWER_MAX_MS - 1);
      workers[0]!.answer(1);
      await clock.run(2 * ANSWER_MAX_MS - 2);
      workers[0]!.answer(1);
      expect((await Promise.all(asked)).map((answers) => [...answers])).toEqual([[1], [1]]);
      expect(thread.failures).toBe(0);
    });

    it("is not replaced for ever", async () => {
      const {workers, thread} = rig();
      for (let time = 0; time <= REPLACED_MAX + 2; time += 1) {
        const asked = thread.check([signed("a")]);
        workers.at(-1)?.emit("error");
        expect([...(await asked)]).toEqual([0]);
      }
      expect([workers.length, thread.failures]).toEqual([REPLACED_MAX + 1, REPLACED_MAX + 1]);
    });
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
