import {apply, enabled} from "@catalyze/core/ledger/apply";
import {decodeCell, encodeCell} from "@catalyze/core/ledger/cellCodec";
import {Tally} from "@catalyze/core/ledger/certificates";
import {checkpointStep} from "@catalyze/core/ledger/checkpointStep";
import {visibleClaims} from "@catalyze/core/ledger/expiringClaims";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import {AWARDED_MAX} from "@catalyze/core/ledger/lanes";
import type {LockSpec, Op, OpBody, Payload, Verdict} from "@catalyze/core/ledger/op";
import {checkOpForm} from "@catalyze/core/ledger/opChecks";
import {lockIdOf, NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {VERDICT_EPOCHS} from "@catalyze/core/ledger/params";
import type {Register} from "@catalyze/core/ledger/register";
import type {LedgerState} from "@catalyze/core/ledger/state";
import {signVerdict} from "@catalyze/core/ledger/verdict";
import {CONTEXT_START, signVoucher} from "@catalyze/core/ledger/voucher";
import type {Hash, LockId} from "@catalyze/core/primitives/id";
import {describe, expect, it} from "vitest";
import {alice, bob, bodyAt, carol, cutWith, lockSpec, NETWORK, nextOp, type Person, unsigned} from "./kit.ts";
import {committeeOf, genesisOf, verifier, witnesses} from "./witnessKit.ts";

const GENESIS = new Uint8Array(32).fill(4);
const genesis = genesisOf(4);
const TASK = "cd".repeat(32) as Hash;
const FIRST = {seq: 0n, head: NO_OP};
const EPOCH = 3;
const spec: LockSpec = {...lockSpec, authority: {kind: "payerOrCommittee", key: alice.publicKey}};

/** Base state and a lock of Alice's for Bob. */
function opened(change: Partial<LockSpec> = {}) {
  const state = genesisState(genesis);
  const open = nextOp(state, alice.account, {kind: "open", locks: [{...spec, ...change}]});
  apply(state, open, {height: 1n});
  return {state, lockId: lockIdOf(open.id, 0)};
}

type Judging = Partial<Omit<Verdict, "signatures">> & {
  readonly lockId: LockId;
  readonly payee?: Person;
  readonly by?: readonly number[];
  readonly hash?: Uint8Array;
};

function judge({lockId, payee = bob, by = [0, 1, 2], hash = GENESIS, ...change}: Judging): Verdict {
  const judged = {taskId: TASK, amount: 400n, base: 0n, epoch: EPOCH, ...change};
  const subject = {lockId, payee: payee.account};
  const signatures = by.map((witness) => ({
    witness,
    signature: signVerdict({...judged, ...subject}, witnesses[witness]!, hash),
  }));
  return {...judged, signatures};
}

const carrying = (verdict: Verdict, isFinal = false): Payload => ({
  kind: "claim",
  cumulative: 0n,
  voucher: undefined,
  verdict,
  isFinal,
});

const VALID = {validFromEpoch: EPOCH, validUntilEpoch: EPOCH + VERDICT_EPOCHS};

function check(state: LedgerState, lockId: LockId, payload: Payload, change: Partial<OpBody> = {}) {
  const body = {...bodyAt(lockId, FIRST, payload), ...VALID, ...change};
  const op = signOp(body, bob, GENESIS);
  const context = {network: NETWORK, genesisHash: GENESIS, verifier};
  return checkOpForm(op, {...context, state, epoch: body.validFromEpoch});
}

describe("a verdict", () => {
  it("needs signatures of a quorum of its epoch's committee, over this lock, payee, task and network", () => {
    const {state, lockId} = opened();
    const told = (judging: Omit<Judging, "lockId"> & {lockId?: LockId}) =>
      check(state, lockId, carrying(judge({lockId, ...judging})));
    expect(told({})).toEqual({ok: true, slow: false});
    expect(told({by: [0, 1, 2, 3]})).toMatchObject({ok: true});
    const bad = {ok: false, code: "VERDICT_INVALID"};
    // Of four, three are more than 2/3; two are not.
    expect(told({by: [0, 1]})).toMatchObject(bad);
    expect(told({by: []})).toMatchObject(bad);
    // Seat 4 is no member, and adds nothing, not even to a quorum of members.
    expect(told({by: [0, 1, 2, 4]})).toMatchObject(bad);
    expect(told({lockId: TASK as string as LockId})).toMatchObject(bad);
    expect(told({payee: carol})).toMatchObject(bad);
    expect(told({hash: new Uint8Array(32)})).toMatchObject(bad);
    const good = judge({lockId});
    const changed: Partial<Verdict>[] = [
      {amount: 401n},
      {base: 1n},
      {taskId: "ce".repeat(32) as Hash},
      {epoch: EPOCH - 1},
      {signatures: good.signatures.map((each) => ({...each, signature: good.signatures[0]!.signature}))},
    ];
    for (const change of changed)
      expect(
        check(state, lockId, carrying({...good, ...change}), {
          validUntilEpoch: EPOCH + VERDICT_EPOCHS - 1,
        }),
      ).toMatchObject(bad);
  });

  it("is checked against the committee of the epoch that it names", () => {
    const {state, lockId} = opened();
    const three = [0, 1, 2, 3].map((seat) => ({seat, weight: seat === 3 ? 7 : 1}));
    const [first] = state.register.terms;
    const register: Register = {...state.register, terms: [first!, {sinceEpoch: EPOCH + 1, members: three}]};
    state.putRegister(register);
    const old = judge({lockId});
    expect(check(state, lockId, carrying(old), {validFromEpoch: EPOCH + 1})).toMatchObject({ok: true});
    // The same people's weight is too little in the next epoch,
    const later = judge({lockId, epoch: EPOCH + 1});
    expect(check(state, lockId, carrying(later), {validFromEpoch: EPOCH + 1})).toMatchObject({
      code: "VERDICT_INVALID",
    });
    // and before the first one nobody had any.
    const never = judge({lockId, epoch: 0});
    expect(check(state, lockId, carrying(never), {validFromEpoch: 0, validUntilEpoch: 1})).toMatchObject({
      code: "VERDICT_INVALID",
    });
  });

  it("rides only in an op that is dead before its committee is forgotten, and not born before it", () => {
    const {state, lockId} = opened();
    const verdict = judge({lockId});
    const told = (change: Partial<OpBody>) => check(state, lockId, carrying(verdict), change);
    expect(told({validFromEpoch: EPOCH - 1})).toMatchObject({code: "DECODE_INVALID", reason: "verdictEpoch"});
    expect(told({validUntilEpoch: EPOCH + VERDICT_EPOCHS + 1})).toMatchObject({reason: "verdictEpoch"});
    expect(check(state, lockId, carrying(judge({lockId, amount: 0n})))).toMatchObject({
      reason: "verdictAmount",
    });
  });

  it("counts only on a lock that says so", () => {
    for (const kind of ["payer", "key"] as const) {
      const {state, lockId} = opened({authority: {kind, key: alice.publicKey}});
      expect(check(state, lockId, carrying(judge({lockId})))).toMatchObject({
        code: "DECODE_INVALID",
        reason: "verdict",
      });
    }
  });

  it("stands beside a voucher of the payer, which is checked too", () => {
    const {state, lockId} = opened();
    const voucher = signVoucher({lockId, cumulative: 700n, contextHash: CONTEXT_START}, alice, GENESIS);
    const both = {...carrying(judge({lockId, base: 700n})), cumulative: 700n, voucher} as Payload;
    expect(check(state, lockId, both)).toMatchObject({ok: true});
    const forged = {...voucher, signature: new Uint8Array(64)};
    expect(check(state, lockId, {...both, voucher: forged} as Payload)).toMatchObject({
      code: "VOUCHER_INVALID",
    });
  });
});

describe("a claim with a verdict", () => {
  const at = {height: 5n};

  it("adds the award to what vouchers pay, splits it, and counts the task once", () => {
    const {state, lockId} = opened();
    const before = state.account(bob.account)!;
    apply(state, nextOp(state, lockId, carrying(judge({lockId, amount: 1_019n}))), at);
    const lock = state.lock(lockId)!;
    expect(lock).toMatchObject({
      drawn: 1_019n,
      paid: 0n,
      awarded: [{taskId: TASK, amount: 1_019n, base: 0n}],
    });
    // 85 % of 1,019, less the fee.
    expect(state.account(bob.account)!.in - before.in).toBe(866n);
    const again = nextOp(state, lockId, carrying(judge({lockId, amount: 1_019n, epoch: EPOCH + 1})));
    expect(enabled(state, again, at)).toEqual({ok: false, reason: "nothingToClaim"});
    expect(decodeCell(encodeCell(lock))).toEqual(lock);
    expect(checkInvariants(state)).toEqual([]);
  });

  it("draws no more than the lock holds", () => {
    const {state, lockId} = opened();
    apply(state, nextOp(state, lockId, carrying(judge({lockId, amount: 99_999n}))), at);
    expect(state.lock(lockId)?.drawn).toBe(spec.amount);
    expect(checkInvariants(state)).toEqual([]);
  });

  it("is refused for one task more than a lock remembers", () => {
    const {state, lockId} = opened();
    const nth = (index: number) =>
      carrying(judge({lockId, amount: 200n, taskId: index.toString(16).padStart(64, "0") as Hash}));
    for (let index = 0; index < AWARDED_MAX; index += 1) apply(state, nextOp(state, lockId, nth(index)), at);
    expect(enabled(state, nextOp(state, lockId, nth(AWARDED_MAX)), at)).toEqual({
      ok: false,
      reason: "verdicts",
    });
    // A task that is there may be judged anew.
    const anew = judge({lockId, amount: 900n, taskId: "0".repeat(64) as Hash});
    expect(enabled(state, nextOp(state, lockId, carrying(anew)), at)).toEqual({ok: true});
    expect(checkInvariants(state)).toEqual([]);
  });

  it("needs the voucher for what it claims of the other lane, even where that raises nothing", () => {
    const {state, lockId} = opened();
    apply(state, nextOp(state, lockId, carrying(judge({lockId}))), at);
    const bare: Payload = {kind: "claim", cumulative: 300n, voucher: undefined, isFinal: true};
    expect(enabled(state, nextOp(state, lockId, bare, 0n), at)).toEqual({ok: false, reason: "voucher"});
    const free: Payload = {...bare, cumulative: 0n};
    apply(state, nextOp(state, lockId, free, 0n), at);
    expect(state.lock(lockId)).toMatchObject({isClosed: true, drawn: 400n, awarded: []});
    expect(checkInvariants(state)).toEqual([]);
  });
});

describe("an expiring lock", () => {
  const height = spec.expiryH + 1n;

  function visible(state: LedgerState, lockId: LockId, ops: readonly Op[], isSound: (op: Op) => boolean) {
    const tally = new Tally(committeeOf(4));
    for (const op of ops) tally.add(op);
    return visibleClaims(state.lock(lockId)!, {
      ...{tally, base: state, height},
      soundCopy: ({op}) => (isSound(op) ? op : undefined),
    });
  }

  function settled(state: LedgerState, claims: readonly Op[]) {
    const parent = {...genesisCheckpoint(genesis, state), height: height - 1n, epoch: 4};
    const step = checkpointStep({...cutWith([]), base: state, parent, expiringClaims: () => claims});
    expect(checkInvariants(step.state)).toEqual([]);
    return step.state;
  }

  it("is settled at all that is visible of both lanes, in whatever claims it stands", () => {
    const {state, lockId} = opened();
    const voucher = {lockId, cumulative: 500n, contextHash: CONTEXT_START, signature: new Uint8Array(64)};
    const paying = nextOp(state, lockId, {kind: "claim", cumulative: 500n, voucher, isFinal: false});
    const awarding = nextOp(state, lockId, carrying(judge({lockId, base: 500n})));
    const rival = unsigned({...awarding.body, payload: carrying(judge({lockId, amount: 300n, base: 500n}))});
    for (const ops of [
      [paying, awarding, rival],
      [rival, awarding, paying],
    ]) {
      const claims = visible(state, lockId, ops, () => true);
      expect(settled(state, claims).lock(lockId)).toMatchObject({isClosed: true, drawn: 900n, awarded: []});
    }
    const claims = visible(state, lockId, [paying, awarding, rival], (op) => op.id !== awarding.id);
    expect(settled(state, claims).lock(lockId)?.drawn).toBe(800n);
  });

  it("asks for no signature of a claim that adds nothing", () => {
    const {state, lockId} = opened();
    const ops = [1n, 2n, 3n].map((fee) => nextOp(state, lockId, carrying(judge({lockId})), 100n + fee));
    const asked: Op[] = [];
    const claims = visible(state, lockId, ops, (op) => asked.push(op) > 0);
    expect(claims).toEqual(asked);
    expect(claims).toHaveLength(1);
  });

  it("knows the committees against which verdicts are checked", () => {
    const {state, lockId} = opened();
    const body = {...bodyAt(lockId, FIRST, carrying(judge({lockId}))), ...VALID};
    const tally = new Tally(committeeOf(4));
    tally.add(signOp(body, bob, GENESIS));
    const context = {network: NETWORK, genesisHash: GENESIS, verifier};
    const claims = visibleClaims(state.lock(lockId)!, {
      ...{tally, base: state, height},
      soundCopy: ({op}, alone, epoch) =>
        checkOpForm(op, {...context, state: alone, epoch}).ok ? op : undefined,
    });
    expect(claims).toHaveLength(1);
  });
});
