/** Why this node earns, or does not: plain lines, the most important first. */

import {ERRORS} from "@catalyze/core/errors/table";
import {formatCtz} from "@catalyze/core/primitives/amount";
import {jobFigures} from "@catalyze/core/task/jobFigures";
import type {Parts} from "../node/wire.ts";

export function earningLines(parts: Parts, roles: readonly string[]): readonly string[] {
  const {catalog, executor, net, marketplace} = parts;
  const lines: string[] = [];
  if (net.peers().length === 0)
    lines.push("No peers: nobody can buy from this node. Join a network with --join.");
  if (!roles.includes("provider")) {
    lines.push("It does not sell compute: start it with --role provider and prices to earn.");
    return lines;
  }
  if (executor === undefined) lines.push("It cannot run models here: `ctz doctor` says what is missing.");
  const sold = catalog.sold();
  if (sold.length === 0)
    lines.push("It sells nothing: add a model (`ctz model add`) and set its price (`price.<alias>`).");
  const {paid, open, lost} = jobFigures(marketplace.jobs.all());
  if (paid.count > 0) lines.push(`It has earned ${formatCtz(paid.uctz)} with ${paid.count} tasks.`);
  else if (sold.length > 0) lines.push(`It offers ${sold.length} classes; no task has come yet.`);
  if (open > 0) lines.push(`${open} tasks are running here.`);
  for (const {code, count} of lost.slice(0, 3)) lines.push(`${count} × ${code}: ${ERRORS[code].message}`);
  return lines;
}
