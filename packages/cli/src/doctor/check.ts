/** One finding of `ctz doctor`. */
export type Check = {
  readonly name: string;
  readonly state: "ok" | "warning" | "broken";
  readonly detail: string;
  /** What to do; absent when nothing is to be done. */
  readonly fix?: string;
};
