/** The outside of a command: streams, environment, signals. Tests supply their own. */

export type TextSink = {
  write(chunk: string | Uint8Array): void;
  readonly isTty: boolean;
  readonly columns: number;
};

/** Called with the signal's name; a second signal ends the process and never gets here. */
export type InterruptListener = (signal: "SIGINT" | "SIGTERM") => void;

export type Io = {
  /** Data only. */
  readonly stdout: TextSink;
  /** Talk: notes, progress, questions, failures. */
  readonly stderr: TextSink;
  readonly stdinIsTty: boolean;
  /** All of stdin, up to `bytesMax`; throws `INPUT_TOO_LARGE`. */
  readStdin(bytesMax: number): Promise<Uint8Array>;
  /** One line that a person types. */
  ask(question: string): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  now(): number;
  /** While a listener is on, the first signal goes to it. The result takes it off. */
  onInterrupt(listener: InterruptListener): () => void;
};
