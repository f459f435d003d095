import {readFileSync} from "node:fs";

const LINES = 15;

/** The last lines of a log; empty when there is none. */
export function logTail(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LINES).join("\n");
  } catch {
    return "";
  }
}
