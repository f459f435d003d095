/** Where the logs of a ledger start, for people. */
export function startText(height: string): string {
  return height === "0" ? "the genesis" : `the snapshot of height ${height}; older logs are not here`;
}
