import type {LockView} from "@catalyze/api/schema/lock";
import {command} from "../command.ts";
import {ctz, shortId, time} from "../output/format.ts";
import {table} from "../output/table.ts";
import {targetText} from "./cellText.ts";
import {readLimit} from "./limit.ts";

export const lockList = command({
  path: ["lock", "list"],
  summary: "Open locks that this account pays, is paid by, or judges",
  flags: {
    all: {kind: "switch", describe: "Closed ones too, until they are forgotten"},
    limit: {kind: "text", value: "n", describe: "At most so many (100)"},
  },
  async run({all, limit}, {client, output}) {
    const query = {...readLimit(limit), ...(all ? {isAll: true} : {})};
    const view = await (await client()).call("locks", {query});
    output.data(view, () =>
      table<LockView>(
        view.locks,
        [
          {head: "LOCK", cell: ({lockId}) => lockId},
          {head: "PAYER", cell: ({payer}) => shortId(payer)},
          {head: "PAYEE", cell: payeeText},
          {head: "JUDGED BY", cell: judgeText},
          {head: "AMOUNT", cell: ({amountUctz}) => ctz(amountUctz), align: "right"},
          {head: "DRAWN", cell: ({drawnUctz}) => ctz(drawnUctz), align: "right"},
          {head: "LEFT", cell: ({leftUctz}) => ctz(leftUctz), align: "right"},
          {head: "CLAIMABLE", cell: ({claimableUctz}) => ctz(claimableUctz), align: "right"},
          {head: "PAYS BY", cell: ({authority: {kind}}) => (kind === "controller" ? "awards" : kind)},
          {head: "UNTIL", cell: ({isOpen, expiresAtMs}) => (isOpen ? time(expiresAtMs) : "closed")},
          {head: "REST TO", cell: ({refundTo}) => shortId(refundTo)},
        ],
        {paint: output.paint, none: "No locks."},
      ),
    );
  },
});

function payeeText({payee, authority: {kind, payees}}: LockView): string {
  if (kind !== "controller") return shortId(payee);
  if (payees === undefined) return "anybody";
  return payees
    .map(({account, ...rest}) => (account === undefined ? targetText(rest) : shortId(account)))
    .join(", ");
}

function judgeText({authority: {kind, account, judges = [], threshold = 1}}: LockView): string {
  if (kind === "key") return account === undefined ? "a key" : shortId(account);
  if (kind !== "controller") return "-";
  const names = judges.map((each) => shortId(each.account)).join(", ");
  return judges.length === 1 ? names : `${threshold} of ${names}`;
}
