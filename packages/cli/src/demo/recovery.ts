/** The kill: a provider dies while it works, and the task goes on elsewhere, uncharged for what was lost. */
import type {AttemptView, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {DemoNode} from "./node.ts";
import {waitUntil} from "./processes.ts";
import {ocrPiece, requireDone, type Samples} from "./work.ts";

export type Recovery = {
  readonly task: TaskView;
  /** The victim's attempt, and the one that took over. */
  readonly failed: AttemptView;
  readonly next: AttemptView;
  /** From the moment the death was noticed to the next attempt's start. */
  readonly recoveredMs: number;
  readonly chargedForFailedAttemptUctz: number;
  /** Tasks that other providers took before the victim was chosen. */
  readonly others: readonly TaskView[];
};

/** Routing explores: the cheapest is likely, not certain, to be chosen. */
const TRIES_MIN = 12;
/** A fault, an executor that died say, opens the victim's circuit for 30 s; a while after that it is chosen again. */
const TRIES_MS = 60_000;
const CHOSEN_MS = 5_000;

/** Gives work until the victim has some, kills it there, and waits for the end of that task. */
export async function killAtWork(requester: DemoNode, victim: DemoNode, samples: Samples): Promise<Recovery> {
  const others: TaskView[] = [];
  const end = performance.now() + TRIES_MS;
  for (let tries = 0; tries < TRIES_MIN || performance.now() < end; tries += 1) {
    const {header, input} = ocrPiece(samples);
    const {taskId} = await requester.client.upload("taskCreate", {...header, input});
    if (await isAtWork(requester, taskId, victim)) {
      await victim.kill();
      const task = await requester.ended(taskId);
      requireDone(task);
      return {...recoveryOf(task, victim), others};
    }
    const task = await requester.ended(taskId);
    requireDone(task);
    others.push(task);
  }
  throw new CodedError("DEMO_FAILED", {
    message: `${victim.name} was never chosen in ${others.length} tasks.`,
  });
}

async function isAtWork(requester: DemoNode, taskId: string, victim: DemoNode): Promise<boolean> {
  let isChosen = false;
  await waitUntil(
    async () => {
      const task = await requester.client.call("taskShow", {params: {id: taskId}});
      const attempt = task.attempts.at(-1);
      isChosen =
        task.phase === "running" && attempt?.peerId === victim.peerId && attempt.outcome === "running";
      const isElsewhere = attempt !== undefined && attempt.peerId !== victim.peerId;
      return isChosen || isElsewhere || task.state !== "open";
    },
    CHOSEN_MS,
    10,
  );
  return isChosen;
}

function recoveryOf(task: TaskView, victim: DemoNode): Omit<Recovery, "others"> {
  // Not always the first: another provider may have failed before.
  const lost = task.attempts.findIndex(
    ({peerId, failure}) => peerId === victim.peerId && failure !== undefined,
  );
  const failed = task.attempts[lost];
  const next = task.attempts[lost + 1];
  if (failed === undefined || next === undefined) {
    throw new CodedError("DEMO_FAILED", {
      message: `Task ${task.taskId} ended before ${victim.name} was gone.`,
    });
  }
  return {
    ...{task, failed, next},
    recoveredMs: next.startedAtMs - (failed.endedAtMs ?? next.startedAtMs),
    chargedForFailedAttemptUctz: Number(failed.chargedUctz),
  };
}
