import type {Cell, CellName} from "./cell.ts";

/** What is due at a height: a list that forks share, for thousands of locks may expire together. */
export type DueList = {readonly name: CellName; readonly before: DueList | undefined};

export function namesOf(list: DueList | undefined): readonly CellName[] {
  const names: CellName[] = [];
  for (let due = list; due !== undefined; due = due.before) names.push(due.name);
  return names;
}

/** When the system acts on a cell. */
export function dueHeights(cell: Cell): readonly bigint[] {
  if (cell.kind === "asset" || cell.kind === "holding" || cell.kind === "pot") return [];
  if (cell.kind === "sale") return cell.isClosed ? [] : [cell.spec.expiryH + 1n];
  const thawing = cell.frozen === undefined ? [] : [cell.frozen.untilH];
  if (cell.kind === "account") {
    const [maturing, accepts] = [cell.cooling.map(({matureH}) => matureH), cell.accepts];
    return [...thawing, ...maturing, ...accepts.map(({untilH}) => untilH)];
  }
  return cell.isClosed ? thawing : [...thawing, cell.expiryH + 1n];
}
