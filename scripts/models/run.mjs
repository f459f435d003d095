/** `npm run models`: prepares the demo bundles and prints what there is. */
import {readFileSync} from "node:fs";
import {prepareModels} from "./prepareModels.mjs";

const started = performance.now();
const index = await prepareModels({onStep: (line) => console.error(line)});
for (const {alias, title, files, unit} of JSON.parse(readFileSync(index, "utf8")).bundles) {
  const megabytes = files.reduce((sum, file) => sum + file.bytes, 0) / 1e6;
  console.log(
    `${alias.padEnd(6)} ${megabytes.toFixed(1).padStart(5)} MB  priced by ${unit.padEnd(5)}  ${title}`,
  );
}
console.error(`models ready in ${((performance.now() - started) / 1000).toFixed(1)} s: ${index}`);
