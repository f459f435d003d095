/** docs/errors.md out of the table. */
import {ERRORS, type ErrorRow} from "./table.ts";

const HEAD = `# Failures

Every refusal and failure has one code of this closed table, on the command line, in the API and between peers. \`actor\` is whose fault it is; \`retry\` says whether the same request may succeed later; \`exit\` is the exit code of \`ctz\`, \`http\` the status of the API. This page is made from the code by \`npm run gen\`.

Exit codes: 0 done, 1 internal, 2 usage, 3 daemon unreachable or starting, 4 not found, 5 no capacity, 6 funds or budget, 7 verification, 8 deadline, 9 failed at the executor, 10 denied, 130 interrupted, 143 terminated.

| code | actor | phase | retry | exit | http | what | what to do |
|---|---|---|---|---|---|---|---|
`;

export function errorsPage(): string {
  const rows = Object.entries(ERRORS as Record<string, ErrorRow>).map(([code, row]) => {
    const {actor, phase, retryable, exit, http, message, hint} = row;
    const cells = [`\`${code}\``, actor, phase, retryable ? "yes" : "no", exit, http, message, hint];
    return `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |\n`;
  });
  return `${HEAD}${rows.join("")}`;
}
