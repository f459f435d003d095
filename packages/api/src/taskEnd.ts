/** The end of a task as whoever waits for it meets it: a result, or the failure's own code. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {fromErrorReport} from "./errorReport.ts";
import type {TaskView} from "./schema/task.ts";

/** Throws the failure of a task that did not end well, with the task's id and its charge as evidence. */
export function throwUnlessDone(task: TaskView): void {
  if (task.state === "done") return;
  const evidence = {taskId: task.taskId, chargedUctz: task.chargedUctz};
  if (task.failure === undefined) {
    throw new CodedError(task.state === "cancelled" ? "TASK_CANCELLED" : "INTERNAL", {evidence});
  }
  throw fromErrorReport({...task.failure, evidence: {...task.failure.evidence, ...evidence}});
}
