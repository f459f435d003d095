/** A disk of its own that a test can fill up: a small tmpfs, where one can be mounted. */
import {spawnSync} from "node:child_process";
import {closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

const CHUNK_BYTES = 64 * 1024;

export class SmallDisk {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** `undefined`, and said so, where nothing can be mounted: then the fault is tested in the units only. */
  static mount(): SmallDisk | undefined {
    // With a space: paths reach shells, URLs and arguments.
    const folder = mkdtempSync(join(tmpdir(), "ctz disk "));
    const mount = ["-t", "tmpfs", "-o", "size=48m", "none", folder];
    if (process.platform === "linux" && spawnSync("mount", mount).status === 0) return new SmallDisk(folder);
    rmSync(folder, {recursive: true, force: true});
    process.stdout.write("no small disk could be mounted here: the full disk is tested in the units only\n");
    return undefined;
  }

  /** A home on this disk. */
  get home(): string {
    return join(this.#folder, "home");
  }

  fill(): void {
    const fd = openSync(this.#filler, "w");
    try {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const left = () => statfsSync(this.#folder).bavail;
      while (left() > 0) writeSync(fd, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(this.#filler, {force: true});
  }

  unmount(): void {
    spawnSync("umount", ["-l", this.#folder]);
    rmSync(this.#folder, {recursive: true, force: true});
  }

  get #filler(): string {
    return join(this.#folder, "filler");
  }
}
