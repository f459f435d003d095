import type {CellOpList, CellOpView} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isCellId} from "@catalyze/core/primitives/id";
import {command} from "../command.ts";
import {ctz, shortId, time} from "../output/format.ts";
import {table} from "../output/table.ts";
import {readLimit} from "./limit.ts";

export const ledgerHistory = command({
  path: ["ledger", "history"],
  summary:
    "Ops that concern an account, a lock, an offer or an asset, out of the logs, newest first; what the system does, such as expiries, is no op: of your own accounts `wallet history` has it",
  examples: ["ledger history", "ledger history <account, lock, sale or asset> --limit 20"],
  args: {id: {describe: "64 hex digits; this node's own account where none is named"}},
  flags: {limit: {kind: "text", value: "n", describe: "At most so many (100)"}},
  async run({id, limit}, {client, output}) {
    const query = readLimit(limit);
    if (id !== undefined && !isCellId(id))
      throw new CodedError("NOT_FOUND", {message: `"${id}" is no id: 64 hex digits.`});
    const api = await client();
    const asked = id ?? (await api.call("wallet", {})).account;
    const view = await api.call("ledgerHistory", {params: {id: asked}, query});
    output.data(view, () => {
      const list = table<CellOpView>(
        view.items,
        [
          {head: "WHEN", cell: ({atMs}) => time(atMs)},
          {head: "WHAT", cell: ({kind}) => kind},
          {head: "IN THE LOG OF", cell: ({cell}) => (cell === asked ? "its own" : shortId(cell))},
          {head: "SEQ", cell: ({seq}) => seq, align: "right"},
          {head: "AMOUNT", cell: ({amountUctz}) => ctz(amountUctz), align: "right"},
          {
            head: "GETS",
            cell: ({receivedUctz}) => (receivedUctz === undefined ? "-" : ctz(receivedUctz)),
            align: "right",
          },
          {head: "UNITS", cell: unitsOf, align: "right"},
          {head: "FEE", cell: ({feeUctz}) => ctz(feeUctz), align: "right"},
          {head: "TO", cell: ({to, opens}) => shortId(opens[0] ?? to ?? "-")},
          {head: "GRADE", cell: ({grade}) => grade},
          {head: "OP", cell: ({opId}) => shortId(opId)},
        ],
        {paint: output.paint, none: "No op names it."},
      );
      return `${list}${restOf(view)}`;
    });
  },
});

function unitsOf({assetId, units}: CellOpView): string {
  if (units === undefined) return "-";
  return assetId === undefined ? units : `${units}@${shortId(assetId)}`;
}

/** What the list leaves out. */
function restOf({sinceMs, begunHeight}: CellOpList): string {
  const older =
    sinceMs === undefined
      ? []
      : [`Looked back to ${time(sinceMs)}; \`ctz ledger export\` has all that is older.`];
  const begun =
    begunHeight === undefined || begunHeight === "0"
      ? []
      : [`The logs here begin with the snapshot of height ${begunHeight}.`];
  return [...older, ...begun].map((line) => `${line}\n`).join("");
}
