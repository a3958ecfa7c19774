/** Compiles what is older than its sources. */
export function ensureBuilt(): void;
/** Compiles the shim of the sandbox runtime; false without a C compiler. */
export function buildShim(): boolean;
