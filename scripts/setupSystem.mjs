// `npm run setup:system` (optional): Debian packages that the node uses where they are there. It runs apt
// as root, or through sudo, and says what it does; everything works without them, and `ctz doctor` says so.
import {spawnSync} from "node:child_process";

const PACKAGES = {bubblewrap: "keeps models of strangers away from your files and network"};

function has(program) {
  return spawnSync("sh", ["-c", `command -v ${program}`], {stdio: "ignore"}).status === 0;
}

if (!has("apt-get")) {
  console.error("This system has no apt-get. Install by hand what you want of:");
  for (const [name, why] of Object.entries(PACKAGES)) console.error(`  ${name}: ${why}`);
  process.exit(1);
}
const isRoot = process.getuid?.() === 0;
if (!isRoot && !has("sudo")) {
  console.error(`Run as root: apt-get install -y ${Object.keys(PACKAGES).join(" ")}`);
  process.exit(1);
}
for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...Object.keys(PACKAGES)]]) {
  const [program, ...rest] = isRoot ? ["apt-get", ...args] : ["sudo", "apt-get", ...args];
  console.error(`${program} ${rest.join(" ")}`);
  const {status} = spawnSync(program, rest, {stdio: "inherit"});
  if (status !== 0) process.exit(status ?? 1);
}
