/** The `Log` port over pino: JSON lines to the file of the home, and to stderr as asked. */
import type {Log} from "@catalyze/core/ports/log";
import {type Logger, multistream, pino} from "pino";
import {prettyLine} from "./prettyLine.ts";
import {redactFields} from "./redact.ts";
import {RotatingFile} from "./rotatingFile.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export type PinoLogOptions = {
  readonly level: LogLevel;
  readonly format: "pretty" | "json";
  /** Absent: no file. */
  readonly file: string | undefined;
  /** Where the lines for people go; absent: nowhere. */
  readonly stderr: {write(text: string): unknown; readonly isTTY?: boolean} | undefined;
  readonly hasColour: boolean;
};

export class PinoLog implements Log {
  readonly #logger: Logger;
  readonly #file: RotatingFile | undefined;

  private constructor(logger: Logger, file: RotatingFile | undefined) {
    this.#logger = logger;
    this.#file = file;
  }

  static open(options: PinoLogOptions): PinoLog {
    const {level, format, stderr, hasColour} = options;
    const file = options.file === undefined ? undefined : new RotatingFile(options.file);
    const streams: {level: LogLevel; stream: {write(line: string): void}}[] = [];
    if (file !== undefined) streams.push({level, stream: file});
    if (stderr !== undefined) {
      const write = (line: string): void => {
        stderr.write(format === "json" ? line : prettyLine(line, hasColour));
      };
      // A person at a terminal is told by `up` itself; a service manager collects everything.
      const isForPeople = format === "pretty" && level === "info";
      streams.push({level: isForPeople ? "warn" : level, stream: {write}});
    }
    const logger = pino(
      {
        level,
        base: null,
        timestamp: () => `,"ts":"${new Date().toISOString()}"`,
        formatters: {level: (label) => ({level: label})},
      },
      multistream(streams),
    );
    return new PinoLog(logger, file);
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#logger.isLevelEnabled("debug")) this.#logger.debug(redactFields(fields ?? {}), message);
  }

  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#logger.isLevelEnabled("info")) this.#logger.info(redactFields(fields ?? {}), message);
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#logger.isLevelEnabled("warn")) this.#logger.warn(redactFields(fields ?? {}), message);
  }

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#logger.error(redactFields(fields ?? {}), message);
  }

  child(fields: {readonly module: string}): Log {
    return new PinoLog(this.#logger.child(fields), undefined);
  }

  /** Only on the log that `open` returned: its children share the file. */
  close(): void {
    this.#file?.close();
  }
}
