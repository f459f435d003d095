import type {SignatureCheck, SignatureVerifier} from "@catalyze/core/ports/signer";
import {describe, expect, it} from "vitest";
import {CheckedAhead, type CheckedElsewhere} from "../../src/identity/checkedAhead.ts";
import {testSigner, testVerifier} from "../ledger/testSigner.ts";

const signer = testSigner(1);

function checksOf(count: number, bytes = 8): SignatureCheck[] {
  return Array.from({length: count}, (_, index) => {
    const message = new Uint8Array(bytes).fill(index);
    return {message, signature: signer.sign(message), publicKey: signer.publicKey};
  });
}

/** Counts what is really checked. */
class Counted implements SignatureVerifier {
  count = 0;

  verify(...args: Parameters<SignatureVerifier["verify"]>): {valid: boolean; slow: boolean} {
    this.count += 1;
    return testVerifier.verify(...args);
  }
}

/** Answers when the test says so. */
class HeldThread implements CheckedElsewhere {
  readonly asked: (readonly SignatureCheck[])[] = [];
  readonly #answers: ((answers: Uint8Array) => void)[] = [];

  check(checks: readonly SignatureCheck[]): Promise<Uint8Array> {
    this.asked.push(checks);
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  answer(value: 0 | 1): void {
    const at = this.asked.length - this.#answers.length;
    this.#answers.shift()?.(new Uint8Array(this.asked[at]?.length ?? 0).fill(value));
  }
}

function setUp() {
  const verifier = new Counted();
  const thread = new HeldThread();
  const checked = new CheckedAhead(verifier, thread);
  const ask = ({signature, message, publicKey}: SignatureCheck) =>
    checked.verify(signature, message, publicKey).valid;
  return {verifier, thread, checked, ask};
}

async function turn(): Promise<void> {
  for (let at = 0; at < 20; at += 1) await Promise.resolve();
}

describe("signatures checked ahead", () => {
  it("are not checked again, once", async () => {
    const {verifier, thread, checked, ask} = setUp();
    const checks = checksOf(5);
    const done = checked.ahead(checks);
    await turn();
    thread.answer(1);
    await done;
    expect(checks.map(ask)).toEqual(checks.map(() => true));
    expect(verifier.count).toBe(0);
    expect(checks.map(ask)).toEqual(checks.map(() => true));
    expect(verifier.count).toBe(5);
  });

  it("count for the same message and key only", async () => {
    const {verifier, thread, checked} = setUp();
    const [check] = checksOf(4);
    const done = checked.ahead(checksOf(4));
    await turn();
    thread.answer(1);
    await done;
    const {signature, message, publicKey} = check!;
    expect(checked.verify(signature, Uint8Array.of(1, 2), publicKey).valid).toBe(false);
    expect(checked.verify(signature, message, testSigner(2).publicKey).valid).toBe(false);
    expect(verifier.count).toBe(2);
  });

  it("are checked here while the thread has not answered, and when it was not sure", async () => {
    const {verifier, thread, checked, ask} = setUp();
    const checks = checksOf(4);
    const done = checked.ahead(checks);
    await turn();
    expect(ask(checks[0]!)).toBe(true);
    thread.answer(0);
    await done;
    expect(checks.map(ask)).toEqual([true, true, true, true]);
    expect(verifier.count).toBe(5);
  });

  it("stay here when they are few and nothing is under way", async () => {
    const {thread, checked} = setUp();
    await checked.ahead(checksOf(3));
    expect(checked.ahead([])).toBeUndefined();
    expect(thread.asked).toEqual([]);
  });

  it("go together when they come in one turn, and each once", async () => {
    const {thread, checked} = setUp();
    const checks = checksOf(6);
    for (const check of checks) void checked.ahead([check]);
    void checked.ahead(checks);
    await turn();
    expect(thread.asked.map(({length}) => length)).toEqual([6]);
  });

  it("let nothing that came later pass", async () => {
    const {thread, checked} = setUp();
    const order: string[] = [];
    void checked.ahead(checksOf(4))?.then(() => order.push("ops"));
    await turn();
    void checked.ahead([])?.then(() => order.push("nothing"));
    await turn();
    void checked.ahead(checksOf(1, 9))?.then(() => order.push("one"));
    await turn();
    expect(order).toEqual([]);
    thread.answer(1);
    await turn();
    expect(order).toEqual(["ops", "nothing", "one"]);
    // It alone was not worth a batch, and needed none: the thread was busy.
    expect(thread.asked.map(({length}) => length)).toEqual([4]);
  });

  it("of one sender do not wait for all of another's", async () => {
    const {thread, checked} = setUp();
    const order: string[] = [];
    for (let at = 0; at < 24; at += 1)
      void checked.ahead(checksOf(128, 10 + at), {sender: "loud"})?.then(() => order.push("loud"));
    void checked.ahead(checksOf(4, 9), {sender: "quiet"})?.then(() => order.push("quiet"));
    // Two batches of four calls of the loud one were under way when the quiet one came; it is in the next.
    for (let at = 0; at < 3; at += 1) {
      await turn();
      thread.answer(1);
    }
    await turn();
    expect(order.indexOf("quiet")).toBeGreaterThan(0);
    expect(order.indexOf("quiet")).toBeLessThan(10);
    const before = order.length;
    void checked.ahead(checksOf(4, 8), {sender: "quiet"})?.then(() => order.push("quiet again"));
    expect(checked.ahead([], {sender: "third"})).toBeUndefined();
    for (let at = 0; at < 8; at += 1) {
      await turn();
      thread.answer(1);
    }
    await turn();
    expect(order.filter((each) => each === "loud").length).toBe(24);
    // Again two batches, and its own.
    expect(order.indexOf("quiet again") - before).toBeLessThanOrEqual(12);
  });

  it("go to the thread while whoever asks for many still asks", () => {
    const {thread, checked} = setUp();
    for (let at = 0; at < 8; at += 1) void checked.ahead(checksOf(64, 10 + at), {sender: `sender ${at}`});
    expect(thread.asked.map(({length}) => length)).toEqual([512]);
    void checked.ahead(checksOf(4, 9), {sender: "late"});
    expect(thread.asked.map(({length}) => length)).toEqual([512]);
  });

  it("are left out when nobody wants them any more", async () => {
    const {thread, checked} = setUp();
    let isWanted = true;
    const sender = "bad";
    const calls = Array.from({length: 16}, (_, at) =>
      checked.ahead(checksOf(128, 10 + at), {sender, isWanted: () => isWanted}),
    );
    await turn();
    expect(thread.asked.map(({length}) => length)).toEqual([512, 512]);
    isWanted = false;
    for (let at = 0; at < 6; at += 1) {
      thread.answer(0);
      await turn();
    }
    await Promise.all(calls);
    expect(thread.asked.flat().length).toBe(1_024);
  });

  it("are forgotten, the oldest first, when they are too much to remember", async () => {
    const {verifier, thread, checked, ask} = setUp();
    const checks = checksOf(12, 1024 * 1024);
    const done = checked.ahead(checks);
    await turn();
    thread.answer(1);
    await done;
    expect(checks.every(ask)).toBe(true);
    expect(verifier.count).toBe(4);
  });
});
