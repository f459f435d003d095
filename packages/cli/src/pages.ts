/** The pages of docs/ that are made from code: `npm run gen` writes them, a test keeps them current. */
import {openApiDocument} from "@catalyze/api/openApi";
import {errorsPage} from "@catalyze/core/errors/errorsPage";
import {optionsPage} from "@catalyze/daemon/options/optionsPage";
import {VERSION} from "@catalyze/daemon/options/version";
import {COMMANDS} from "./commandTable.ts";
import {commandsPage} from "./output/commandsPage.ts";

/** By path from the root of the repository. */
export function generatedPages(): Readonly<Record<string, string>> {
  return {
    "docs/openapi.json": `${JSON.stringify(openApiDocument(VERSION), null, 2)}\n`,
    "docs/options.md": optionsPage(),
    "docs/errors.md": errorsPage(),
    "docs/cli.md": commandsPage(COMMANDS),
  };
}
