/** In which order a run for a mutant goes through its test files. */
import {relative} from "node:path";
import {BaseSequencer, type TestSpecification} from "vitest/node";

const ORDER = (process.env["CTZ_TEST_ORDER"] ?? "").split(",");

export class TestOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({moduleId}: TestSpecification) =>
      ORDER.indexOf(relative(this.ctx.config.root, moduleId));
    return files.toSorted((left, right) => placeOf(left) - placeOf(right));
  }
}
