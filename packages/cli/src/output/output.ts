/** stdout is data, stderr is talk. With `--json` the data is exactly one object. */
import {toErrorReport} from "@catalyze/api/errorReport";
import type {CodedError} from "@catalyze/core/errors/codedError";
import type {Globals} from "../globals.ts";
import type {Io} from "../io.ts";
import {failureText} from "./failureText.ts";
import {type Paint, paintFor} from "./style.ts";

export class Output {
  readonly isJson: boolean;
  /** For stdout. */
  readonly paint: Paint;
  /** For stderr. */
  readonly paintTalk: Paint;
  readonly #io: Io;
  readonly #quiet: boolean;

  constructor(io: Io, globals: Globals) {
    this.#io = io;
    this.isJson = globals.json;
    this.#quiet = globals.quiet;
    this.paint = paintFor(globals.hasColour && io.stdout.isTty);
    this.paintTalk = paintFor(globals.hasColour && io.stderr.isTty);
  }

  /** The command's answer: `json` with `--json`, else `text`. */
  data(json: object, text: () => string): void {
    if (this.isJson) this.#io.stdout.write(`${JSON.stringify({v: 1, ...json})}\n`);
    else this.#io.stdout.write(text());
  }

  /** Bytes of a result, as they are. */
  raw(chunk: string | Uint8Array): void {
    this.#io.stdout.write(chunk);
  }

  /** A line for people. */
  note(line: string): void {
    if (!this.#quiet) this.#io.stderr.write(`${line}\n`);
  }

  /** Said even with `--quiet`. */
  warn(line: string): void {
    this.#io.stderr.write(`${this.paintTalk("warning:", "yellow")} ${line}\n`);
  }

  failure(error: CodedError): void {
    if (this.isJson) this.#io.stdout.write(`${JSON.stringify({v: 1, error: toErrorReport(error)})}\n`);
    else this.#io.stderr.write(failureText(error, this.paintTalk));
  }
}
