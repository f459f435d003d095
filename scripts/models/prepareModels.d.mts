/** Returns the path of the bundle index; see `packages/daemon/src/exec/bundleDraft.ts`. */
export function prepareModels(options?: {readonly onStep?: (line: string) => void}): Promise<string>;
