import type {ErrorCode} from "@catalyze/core/errors/table";

/**
 * Codes that tell of the speaker's own node: its disk, its wallet, its owner's word. Of our node they end a
 * task, since no other provider changes them; said by a provider they end nothing, since any other can do it.
 */
export const OF_OWN_NODE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "FUNDS_INSUFFICIENT",
  "LOCK_TIMEOUT",
  "OP_REJECTED",
  "OP_TIMEOUT",
  "STORE_FULL",
  "TASK_CANCELLED",
  "DEADLINE",
  "INTERNAL",
]);
