/**
 * A witness comes back in a process of its own, as it does in life: where its last life left a heap full of
 * garbage, the collector would be measured. Counts from the loaded program on; argument: the home. Prints the
 * milliseconds until the restored state answers.
 */
import {register} from "node:module";

register(new URL("../tsHooks.mjs", import.meta.url));
const {restartIn} = await import("./restartIn.ts");
const [home] = process.argv.slice(2);
process.stdout.write(`${await restartIn(home)}\n`, () => process.exit(0));
