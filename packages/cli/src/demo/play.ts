/** The acts of the demo, in order. Each throws when what it shows did not hold. */
import type {TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {formatCtz} from "@catalyze/core/primitives/amount";
import {ALIASES, CREATOR, VICTIM} from "./cast.ts";
import {
  type Anchored,
  equalBalances,
  nextCovered,
  type SharedView,
  untilAnchored,
  untilClaimed,
  verifyAll,
} from "./checks.ts";
import {DemoNode} from "./node.ts";
import {type DemoProcesses, waitUntil} from "./processes.ts";
import {killAtWork, type Recovery} from "./recovery.ts";
import type {Stage} from "./stage.ts";
import type {Teller} from "./telling.ts";
import {perform, pieces, readSamples, requireDone, type Samples, vadPiece} from "./work.ts";

export type PlayInput = {
  readonly processes: DemoProcesses;
  readonly teller: Teller;
  readonly samples: string;
};

export type DemoSummary = {readonly json: object; readonly tryNext: readonly string[]};

type Act = {
  readonly stage: Stage;
  readonly nodes: readonly DemoNode[];
  readonly requester: DemoNode;
  readonly victim: DemoNode;
  readonly teller: Teller;
  readonly samples: Samples;
};

const BATCH = 6;
const ASKS_MS = 15_000;
const RECOVERED_MS_MAX = 1_000;

export async function play(stage: Stage, {processes, teller, samples}: PlayInput): Promise<DemoSummary> {
  const nodes = stage.players.map((player) => new DemoNode(player, processes));
  const find = (name: string) => nodes.find((node) => node.name === name) ?? fail(`no ${name}`);
  const act: Act = {
    stage,
    nodes,
    requester: find("ria"),
    victim: find(VICTIM),
    teller,
    samples: await readSamples(samples),
  };
  for (const node of nodes) {
    teller.name(node.peerId, node.name);
    teller.name(node.account, node.name);
  }
  teller.name(stage.creator, CREATOR);

  await startAll(act);
  await sellModels(act);
  const tasks = [...(await showWork(act)), ...(await showBatch(act)), ...(await showRoutes(act))];
  const recovery = await showKill(act);
  tasks.push(...recovery.others, recovery.task);
  const money = await showMoney(act);
  const anchored = await showAnchor(act, BigInt(money.height));
  return summary(act, {tasks, recovery, money, anchored});
}

async function startAll({nodes, requester, teller}: Act): Promise<void> {
  teller.chapter("Five daemons");
  requester.spawn([]);
  await requester.ready();
  const {addresses} = await requester.client.call("status", {});
  for (const node of nodes) if (node !== requester) node.spawn(addresses);
  await Promise.all(nodes.map((node) => node.ready()));
  for (const node of nodes)
    teller.say(
      `${node.name.padEnd(4)} ${node.player.role.does}${node.player.role.isWitness ? ", witness" : ""}`,
    );
}

async function sellModels({stage, nodes, requester, teller}: Act): Promise<void> {
  teller.chapter("Who asks what price");
  for (const source of ["folders", "fetched"] as const) {
    for (const node of nodes) {
      for (const alias of node.player.role[source]) {
        const bundle = stage.bundles.get(alias) ?? fail(`no bundle ${alias}`);
        const body =
          source === "folders"
            ? {source: "bundle" as const, path: bundle.folder}
            : {source: "cid" as const, cid: bundle.cid};
        await node.client.call("modelAdd", {body});
      }
    }
  }
  const wanted = nodes.reduce(
    (sum, {player}) => sum + player.role.folders.length + player.role.fetched.length,
    0,
  );
  let asks = (await requester.client.call("asks", {})).asks;
  const areAllHeard = await waitUntil(async () => {
    asks = (await requester.client.call("asks", {})).asks;
    return asks.length >= wanted;
  }, ASKS_MS);
  if (!areAllHeard) fail(`heard ${asks.length} of ${wanted} asks`);
  for (const alias of ALIASES) {
    const of = asks.filter((ask) => ask.alias === alias);
    const prices = of.map(
      (ask) =>
        `${teller.nameOf(ask.peerId)} ${ask.unitPriceUctz}+${ask.feeMinUctz}${ask.isWarm ? "" : " (model not there yet)"}`,
    );
    const scale = of[0]?.unit === "token" ? "1,000 tokens" : "10⁹ MAC";
    teller.say(`${alias.padEnd(5)} µCTZ per ${scale} + minimum: ${prices.join(" · ")}`);
  }
}

async function showWork({requester, teller, samples}: Act): Promise<TaskView[]> {
  teller.chapter("Tasks find the cheapest reputable peer");
  const done: TaskView[] = [];
  for (const piece of pieces(samples)) done.push(await perform(requester, piece, teller));
  return done;
}

async function showBatch({requester, teller, samples}: Act): Promise<TaskView[]> {
  teller.chapter(`A batch of ${BATCH} at once`);
  const {header, input} = vadPiece(samples);
  const done = await Promise.all(Array.from({length: BATCH}, () => requester.run(header, input)));
  for (const task of done) requireDone(task);
  const by = new Map<string, number>();
  for (const {peerId} of done) by.set(teller.nameOf(peerId), (by.get(teller.nameOf(peerId)) ?? 0) + 1);
  const charged = done.reduce((sum, {chargedUctz}) => sum + BigInt(chargedUctz), 0n);
  teller.say(
    `${BATCH} recordings: ${[...by].map(([name, count]) => `${name} ${count}`).join(", ")}; ${formatCtz(charged)} together`,
  );
  return done;
}

async function showRoutes({requester, teller, samples}: Act): Promise<TaskView[]> {
  teller.chapter("Other ways: a middleware, an auction, a second opinion");
  const middleware = await perform(requester, vadPiece(samples, {route: "middleware"}), teller);
  const receipt = await requester.client.call("taskReceipt", {params: {id: middleware.taskId}});
  teller.say(`the split of ${receipt.chargedUctz} µCTZ, as the lock's table says:`);
  for (const {role, account, bps, amountUctz, isBurned} of receipt.legs) {
    teller.say(
      `  ${role.padEnd(10)} ${(bps / 100).toFixed(0).padStart(3)} %  ${(amountUctz ?? "0").padStart(6)} µCTZ  ${isBurned ? "burned" : teller.nameOf(account)}`,
    );
  }
  if (receipt.legs.length !== 4) fail(`a middleware receipt has ${receipt.legs.length} legs`);
  const auction = await perform(requester, vadPiece(samples, {route: "auction"}), teller);
  const checked = await perform(requester, vadPiece(samples, {verify: 2}), teller);
  teller.say(
    `checked by ${checked.attempts.map(({peerId}) => teller.nameOf(peerId)).join(" and ")}: the same result, both paid`,
  );
  return [middleware, auction, checked];
}

async function showKill(act: Act): Promise<Recovery> {
  const {requester, victim, teller, samples, nodes} = act;
  teller.chapter(`${victim.name} is killed while it works`);
  const recovery = await killAtWork(requester, victim, samples);
  const {failed, next} = recovery;
  teller.say(`${victim.name}: SIGKILL at work; noticed as ${failed.failure?.code}`);
  teller.say(
    `${teller.nameOf(next.peerId)} took over ${recovery.recoveredMs} ms after that; charged for the lost attempt: ${recovery.chargedForFailedAttemptUctz} µCTZ`,
  );
  if (recovery.recoveredMs > RECOVERED_MS_MAX) fail(`the recovery took ${recovery.recoveredMs} ms`);
  if (recovery.chargedForFailedAttemptUctz !== 0) fail("a failed attempt was charged");
  const others = nodes.filter((node) => node !== victim);
  const addresses = (await Promise.all(others.map((node) => node.client.call("status", {})))).flatMap(
    (status) => status.addresses,
  );
  victim.spawn(addresses.slice(0, 4));
  await victim.ready();
  teller.say(`${victim.name} is back from its own home`);
  return recovery;
}

async function showMoney({nodes, stage, teller}: Act): Promise<SharedView> {
  teller.chapter("Money that adds up");
  if (!(await untilClaimed(nodes))) fail("some vouchers were not claimed in time");
  const shared = await equalBalances(nodes, await nextCovered(nodes));
  if (shared === undefined) return fail("the nodes' balances differ");
  teller.say(`all ${nodes.length} nodes at height ${shared.height}, all balances equal:`);
  for (const {account, balanceUctz} of shared.balances)
    teller.say(`  ${teller.nameOf(account).padEnd(5)} ${formatCtz(BigInt(balanceUctz)).padStart(18)}`);
  const royalties = BigInt(
    shared.balances.find(({account}) => account === stage.creator)?.balanceUctz ?? "0",
  );
  if (royalties === 0n) fail(`${CREATOR} earned nothing`);
  await verifyAll(nodes);
  teller.say("`ctz ledger verify` on each: supply conserved, no balance negative, state root recomputed");
  return shared;
}

async function showAnchor({requester, stage, teller}: Act, height: bigint): Promise<Anchored> {
  teller.chapter("The chain");
  const anchored = await untilAnchored(requester, height);
  if (anchored === undefined) return fail("no anchor came in time");
  const {checkpoint, anchor} = anchored;
  teller.say(
    `epoch ${checkpoint.epoch}, checkpoint ${checkpoint.height}: state root ${checkpoint.stateRoot}`,
  );
  teller.say(`anchor transaction ${anchor.tx}`);
  teller.say(`read back from ${stage.chain.contract}: ${anchor.rootOnChain}`);
  if (anchor.rootOnChain !== checkpoint.stateRoot) fail("the contract holds another root");
  return anchored;
}

type Ending = {
  readonly tasks: readonly TaskView[];
  readonly recovery: Recovery;
  readonly money: SharedView;
  readonly anchored: Anchored;
};

function summary({stage, requester, teller}: Act, {tasks, recovery, anchored}: Ending): DemoSummary {
  const {checkpoint, anchor} = anchored;
  teller.chapter("All of it held");
  teller.say(
    `${tasks.length} tasks done, ${stage.genesis.witnesses.length} witnesses, nothing charged for what failed`,
  );
  const json = {
    ok: true,
    tasks: tasks.map((task) => ({
      id: task.taskId,
      class: task.alias ?? task.taskClass,
      provider: teller.nameOf(task.peerId),
      attempts: task.attempts.length,
      chargedUctz: Number(task.chargedUctz),
      ms: (task.endedAtMs ?? task.createdAtMs) - task.createdAtMs,
    })),
    witnesses: stage.genesis.witnesses.length,
    balancesEqual: true,
    conserved: true,
    checkpoint: {height: Number(checkpoint.height), root: checkpoint.stateRoot},
    anchor: {epoch: anchor.epoch, tx: anchor.tx, root: checkpoint.stateRoot, rootOnChain: anchor.rootOnChain},
    killed: {
      task: recovery.task.taskId,
      recoveredMs: recovery.recoveredMs,
      chargedForFailedAttemptUctz: recovery.chargedForFailedAttemptUctz,
    },
  };
  const home = requester.player.home;
  const tryNext = [
    `export CTZ_HOME='${home}'`,
    "npx ctz market asks",
    "npx ctz run ocr -i @samples/page.png",
    "npx ctz run embed -i @samples/sentences.txt",
    "npx ctz task list; npx ctz task explain <id>; npx ctz task receipt <id>",
    "npx ctz ledger show; npx ctz ledger verify",
  ];
  return {json, tryNext};
}

function fail(message: string): never {
  throw new CodedError("DEMO_FAILED", {message: `The demo did not hold: ${message}.`});
}
