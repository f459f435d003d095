/** What happens to a task while somebody watches: phases, progress, output as it comes, the end. */
import type {TaskId} from "@catalyze/core/primitives/id";

export type TaskNews =
  | {readonly kind: "phase"; readonly phase: string; readonly note: string | undefined}
  | {readonly kind: "progress"; readonly phase: string; readonly done: number; readonly total: number}
  | {readonly kind: "output"; readonly chunk: Uint8Array}
  /** Output shown so far is void: another provider starts again. */
  | {readonly kind: "reset"}
  | {readonly kind: "changed"}
  | {readonly kind: "ended"};

type Listener = (news: TaskNews) => void;

/** Output of a running task kept for watchers that come late. */
const REPLAY_BYTES_MAX = 1 << 20;

export class TaskEvents {
  readonly #listeners = new Map<TaskId, Set<Listener>>();
  readonly #shown = new Map<TaskId, {chunks: Uint8Array[]; bytes: number}>();

  /** From now on; output shown so far comes first. The result removes the listener. */
  listen(id: TaskId, listener: Listener): () => void {
    for (const chunk of this.#shown.get(id)?.chunks ?? []) listener({kind: "output", chunk});
    const set = this.#listeners.get(id) ?? new Set<Listener>();
    set.add(listener);
    this.#listeners.set(id, set);
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(id);
    };
  }

  emit(id: TaskId, news: TaskNews): void {
    if (news.kind === "output") this.#show(id, news.chunk);
    if (news.kind === "reset" || news.kind === "ended") this.#shown.delete(id);
    for (const listener of [...(this.#listeners.get(id) ?? [])]) listener(news);
  }

  /** True when something was shown that a new attempt makes void. */
  hasShown(id: TaskId): boolean {
    return this.#shown.has(id);
  }

  #show(id: TaskId, chunk: Uint8Array): void {
    const shown = this.#shown.get(id) ?? {chunks: [], bytes: 0};
    if (shown.bytes + chunk.length > REPLAY_BYTES_MAX) return;
    shown.chunks.push(chunk);
    shown.bytes += chunk.length;
    this.#shown.set(id, shown);
  }
}
