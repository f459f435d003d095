import {ensureApiToken} from "@catalyze/daemon/home/apiToken";
import {ensureHome} from "@catalyze/daemon/home/ensureHome";
import {acquireHomeLock} from "@catalyze/daemon/home/homeLock";
import {readConfigFile, writeConfigFile} from "@catalyze/daemon/options/configFile";
import {command} from "../command.ts";
import {pairs} from "../output/table.ts";

export const init = command({
  path: ["init"],
  summary: "Make the home: token, configuration, encrypted keys; repeating it changes nothing",
  async run(_values, {io, layout, output}) {
    // Keys bring their libraries: only the commands that touch them load those.
    const [{ensureKeystore}, {readPassphrase}] = await Promise.all([
      import("@catalyze/daemon/identity/keystore"),
      import("@catalyze/daemon/identity/passphrase"),
    ]);
    await ensureHome(layout.home);
    const lock = await acquireHomeLock(layout.lock);
    try {
      await ensureApiToken(layout.apiToken);
      await writeConfigFile(layout.config, await readConfigFile(layout.config));
      const passphrase = await readPassphrase({
        stated: io.env["CTZ_KEY_PASSPHRASE_FILE"],
        generated: layout.passphrase,
      });
      const {isNew} = await ensureKeystore(layout.keystore, passphrase.bytes);
      output.data({home: layout.home, isNew, isPassphraseGenerated: passphrase.isGenerated}, () =>
        pairs(
          [
            ["home", layout.home],
            ["keys", isNew ? "made" : "already there, unchanged"],
            ["passphrase", passphrase.isGenerated ? `generated: ${layout.passphrase}` : "yours"],
          ],
          output.paint,
        ),
      );
      output.note("Start the node: ctz up");
    } finally {
      await lock.release();
    }
  },
});
