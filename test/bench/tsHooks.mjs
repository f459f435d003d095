/**
 * Node 20 cannot run TypeScript: benchmarks are stripped of their types as they load. Packages come from
 * their built JavaScript, as users run them.
 */
import {readFile} from "node:fs/promises";
import {fileURLToPath} from "node:url";
import ts from "typescript";

const OPTIONS = {module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true};

export async function load(url, context, nextLoad) {
  if (!url.endsWith(".ts")) return await nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  const {outputText} = ts.transpileModule(source, {compilerOptions: OPTIONS, fileName: fileURLToPath(url)});
  return {format: "module", source: outputText, shortCircuit: true};
}
