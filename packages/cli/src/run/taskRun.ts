/** One task from submit to its end: events to whoever watches, a cancel in between, the output at last. */
import type {ApiClient, TaskUpload} from "@catalyze/api/client/apiClient";
import type {TaskEvent, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";

/** A full queue empties as tasks end; 40 waits of 250 ms are ten seconds of patience. */
const QUEUE_RETRIES_MAX = 40;
const QUEUE_WAIT_MS = 250;

export type TaskWatcher = {
  onCreated?(taskId: string): void;
  onEvent?(event: TaskEvent): void;
};

/** Resolves with the ended task, done or not. */
export async function runTask(
  client: ApiClient,
  upload: TaskUpload,
  watcher: TaskWatcher,
): Promise<TaskView> {
  const {taskId} = await submit(client, upload);
  watcher.onCreated?.(taskId);
  for await (const event of client.taskEvents(taskId)) {
    watcher.onEvent?.(event);
    if (event.type === "done") return event.task;
  }
  // The daemon stopped in between; the task's record tells the rest once it is up again.
  throw new CodedError("DAEMON_UNREACHABLE", {
    message: `The daemon went away; task ${taskId} goes on when it is back: ctz task show ${taskId}`,
    evidence: {taskId},
  });
}

async function submit(client: ApiClient, upload: TaskUpload): Promise<{taskId: string}> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await client.upload("taskCreate", upload);
    } catch (error) {
      const isFull = error instanceof CodedError && error.code === "QUEUE_FULL";
      if (!isFull || attempt >= QUEUE_RETRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs ?? QUEUE_WAIT_MS));
    }
  }
}
