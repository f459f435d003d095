/**
 * What a restart makes of a task that was open: a result that was committed is paid, everything else that
 * was under way has failed, and the search goes on.
 */
import {reasonOf} from "@catalyze/core/task/endReason";
import type {Attempt, TaskRecord} from "@catalyze/core/task/task";
import {isOpenAttempt} from "@catalyze/core/task/taskState";
import type {Settlement} from "./settlement.ts";
import type {TaskBook, TaskEntry} from "./taskBook.ts";

/** Attempts that are paid whatever comes next. */
export function owedAttempts({attempts, copies}: TaskRecord): readonly Attempt[] {
  const committed = attempts.filter(
    ({state}) => state === "committed" || state === "verifying" || state === "paying",
  );
  if (copies === 1) return committed;
  // Two opinions: they are owed once they agree, and agreement to the byte is what the record can show.
  const agreed = attempts.filter(({commit}) => commit !== undefined).map(({commit}) => commit?.outputHash);
  return agreed.length >= copies && new Set(agreed).size === 1 ? committed : [];
}

/** Pays what is owed of a task. */
export async function payOwed(entry: TaskEntry, settlement: Settlement): Promise<void> {
  for (const {attemptId} of owedAttempts(entry.record)) {
    await settlement.payStored(entry.record.taskId, attemptId);
  }
}

/** Ends the attempts that this node's death has cut off. */
export async function dropCutOff({record}: TaskEntry, book: TaskBook): Promise<void> {
  const reason = {...reasonOf("PROVIDER_DIED"), message: "This node restarted while the attempt ran."};
  for (const {attemptId, state} of record.attempts) {
    if (!isOpenAttempt(state) || state === "paying") continue;
    const receipts = book.get(record.taskId).extras.receipts.filter((each) => each.attemptId !== attemptId);
    await book.move(record.taskId, {kind: "attemptFailed", attemptId, reason}, {extras: {receipts}});
  }
}
