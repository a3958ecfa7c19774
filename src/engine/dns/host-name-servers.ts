import { readFileSync, statSync } from 'node:fs';

/** Who this machine asks for names: as its resolv.conf says now. */
export class HostNameServers {
  readonly #path: string;
  #changedMs = Number.NaN;
  #found: readonly string[] = [];

  constructor(path = '/etc/resolv.conf') {
    this.#path = path;
  }

  /** Read again when it has changed; none where there is no such file. */
  addresses(): readonly string[] {
    const changedMs = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs;
    if (changedMs === undefined) return [];
    if (changedMs !== this.#changedMs) {
      this.#changedMs = changedMs;
      const lines = readFileSync(this.#path, 'utf8').matchAll(/^\s*nameserver\s+(\S+)/gm);
      this.#found = [...lines].map(([, address]) => address!);
    }
    return this.#found;
  }
}
