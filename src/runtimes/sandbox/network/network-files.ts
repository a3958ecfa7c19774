import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAlive, readClaim, type ProcessIdentity } from '../../wrapped/index.ts';
import { formatSubnet, parseSubnet, type Candidate } from './subnet.ts';

/** What one network belongs to: empty while it waits for a Pod. */
export interface Assignment {
  readonly podUid: string;
  /** It may serve another Pod after this one. */
  readonly reusable: boolean;
}

/**
 * The directory that tells what exists, for the next engine:
 *
 *     life             FIFO, see NetworkShell
 *     switch           claim of the process that holds the bridge
 *     subnet           name of the interface and its network, as they were last
 *     <address>        claim of the process that holds the namespace with this address
 *     <address>.pod    which Pod it belongs to; stays as long as the namespace, because to make a file costs more than
 *                      to write into one
 */
export class NetworkFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get life(): string {
    return `${this.#directory}/life`;
  }

  get switchClaim(): string {
    return `${this.#directory}/switch`;
  }

  make(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  claimOf(address: string): string {
    return `${this.#directory}/${address}`;
  }

  /** The process behind a claim, if it lives. */
  holderOf(claim: string): ProcessIdentity | undefined {
    const holder = readClaim(claim)?.wrapper;
    return holder !== undefined && isAlive(holder) ? holder : undefined;
  }

  addresses(): readonly string[] {
    const names = this.#names();
    return [...new Set(names.map((name) => name.replace(/\.pod$/, '')))].filter((name) => /^[\d.]+$/.test(name));
  }

  assign(address: string, assignment: Assignment | undefined): void {
    const text = assignment === undefined ? '' : `${assignment.podUid} ${assignment.reusable ? 'reusable' : 'once'}\n`;
    writeFileSync(`${this.claimOf(address)}.pod`, text, { mode: 0o600 });
  }

  assignmentOf(address: string): Assignment | undefined {
    const [podUid = '', word] = readOrEmpty(`${this.claimOf(address)}.pod`)
      .trim()
      .split(' ');
    return podUid === '' ? undefined : { podUid, reusable: word === 'reusable' };
  }

  remove(address: string): void {
    for (const file of [this.claimOf(address), `${this.claimOf(address)}.pod`]) rmSync(file, { force: true });
  }

  removeSwitch(): void {
    rmSync(this.switchClaim, { force: true });
  }

  keep({ name, subnet }: Candidate): void {
    writeFileSync(`${this.#directory}/subnet`, `${name} ${formatSubnet(subnet)}\n`, { mode: 0o600 });
  }

  kept(): Candidate | undefined {
    const [name = '', text = ''] = readOrEmpty(`${this.#directory}/subnet`).trim().split(' ');
    const subnet = parseSubnet(text);
    return subnet === undefined || !/^rondo\d+$/.test(name) ? undefined : { name, subnet };
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#directory);
    } catch {
      // No Pod has had a network yet.
      return [];
    }
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
