// A child of `soak.mjs`: lives one simulated ledger for each message, and answers with what came of it.
import {register} from "node:module";

register(new URL("../test/bench/tsHooks.mjs", import.meta.url));
const {live} = await import("../test/sim/ledger/soakLives.ts");
process.on("message", async (life) => process.send?.(await live(life)));
process.send?.("ready");
