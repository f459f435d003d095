import {ERRORS, type ErrorCode, type ErrorRow} from "./table.ts";

/** Plain facts that help a person or a program: no secrets, prompts or raw network text. */
export type Evidence = Readonly<Record<string, string | number | boolean | bigint>>;

export type CodedErrorOptions = {
  /** Replaces the table's sentence. */
  readonly message?: string;
  readonly evidence?: Evidence;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
};

/** What every surface shows: DESIGN §9. */
export type FailureReport = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly actor: ErrorRow["actor"];
  readonly phase: ErrorRow["phase"];
  readonly retryable: boolean;
  readonly hint: string;
  readonly retryAfterMs?: number;
  readonly evidence: Evidence;
};

/** A refusal, wait or failure with a code from the closed table. */
export class CodedError extends Error {
  override readonly name = "CodedError";
  readonly code: ErrorCode;
  readonly evidence: Evidence;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, options: CodedErrorOptions = {}) {
    super(options.message ?? ERRORS[code].message, options.cause === undefined ? {} : {cause: options.cause});
    this.code = code;
    this.evidence = options.evidence ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  get row(): ErrorRow {
    return ERRORS[this.code];
  }

  report(): FailureReport {
    const {actor, phase, retryable, hint} = this.row;
    return {
      code: this.code,
      message: this.message,
      actor,
      phase,
      retryable,
      hint,
      evidence: this.evidence,
      ...(this.retryAfterMs === undefined ? {} : {retryAfterMs: this.retryAfterMs}),
    };
  }
}

/** Any thrown value as a coded error; what is not ours becomes `INTERNAL` with the cause kept. */
export function toCodedError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CodedError("INTERNAL", {message, cause: thrown});
}

/** A code received from a peer: only codes of the table count, anything else is `PEER_UNKNOWN_CODE`. */
export function codeFromPeer(code: string): ErrorCode {
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "PEER_UNKNOWN_CODE";
}
