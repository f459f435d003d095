/**
 * Ends of the demo's processes that it had not asked for. The first one ends the demo: whatever its acts would
 * find out later, a broken connection or a check that never comes true, only follows from it.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import {logTail} from "./logTail.ts";

export type Death = {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly logFile: string;
};

/** A connection breaks some milliseconds before the system reports that the process behind it has ended. */
const REPORT_MS = 500;

export class Deaths {
  readonly #first = Promise.withResolvers<CodedError>();
  #onDeath: (error: CodedError) => void = (error) => this.#first.resolve(error);

  add(code: Extract<ErrorCode, "DAEMON_DIED" | "CHAIN_UNREACHABLE">, death: Death): void {
    this.#onDeath(errorOf(code, death));
  }

  /** Rejects at the first death. */
  async first(): Promise<never> {
    throw await this.#first.promise;
  }

  /** The death behind a failure, if there is one. */
  async behind(): Promise<CodedError | undefined> {
    const {promise, resolve} = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, REPORT_MS, undefined);
    try {
      return await Promise.race([this.#first.promise, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** From now on a death ends nothing; it is told. */
  tell(listener: (error: CodedError) => void): void {
    this.#onDeath = listener;
  }
}

function errorOf(errorCode: ErrorCode, {name, code, signal, logFile}: Death): CodedError {
  const how = signal ?? `exit code ${code}`;
  // One that ended by itself has said why; one that was killed could not.
  const said = signal === null ? `\n${logTail(logFile)}` : "";
  return new CodedError(errorCode, {
    message: `${name} ended unexpectedly (${how}). Its log: ${logFile}${said}`,
    evidence: {process: name, ended: how, log: logFile},
  });
}
