/** The parameters of a network as a table: in force, decided, and what a vote may make of each. */
import type {ParameterView} from "@catalyze/api/schema/govern";
import {type Governance, genesisParams, paramsAt} from "@catalyze/core/ledger/governance";
import {PARAM_NAMES, rowOf, voteBounds} from "@catalyze/core/ledger/paramTable";

export function parameterViews(governance: Governance, epoch: number): ParameterView[] {
  const now = paramsAt(governance, epoch);
  const coming = governance.terms.find(({sinceEpoch}) => sinceEpoch > epoch);
  const genesis = genesisParams(governance);
  return PARAM_NAMES.map((name) => {
    const row = rowOf(name);
    const bounds = voteBounds(name, genesis);
    const isChanging = coming !== undefined && coming.params[name] !== now[name];
    return {
      ...{name, unit: row.unit, value: now[name].toString()},
      ...(isChanging ? {next: coming.params[name].toString(), nextEpoch: coming.sinceEpoch} : {}),
      ...(bounds === undefined ? {} : {min: bounds.min.toString(), max: bounds.max.toString()}),
      ...("fixed" in row ? {fixed: row.fixed} : {passing: row.passing}),
    };
  });
}
