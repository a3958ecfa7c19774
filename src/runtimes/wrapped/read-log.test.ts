import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../clock/index.ts';
import { readLogFile, type LogSource } from './read-log.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'rondo-log-'))));
afterEach(() => rmSync(directory, { recursive: true }));

async function read(source: LogSource): Promise<string> {
  let text = '';
  for await (const { bytes } of readLogFile(source, { follow: true, timestamps: false })) text += Buffer.from(bytes);
  return text;
}

it('reads an ended container whose log appears while the file is being opened', async () => {
  const file = join(directory, 'log');
  let asked = 0;
  const source: LogSource = {
    file,
    // The container ends between the failed look for its file and the question whether it has ended.
    ended: () => {
      asked += 1;
      if (asked === 1) return false;
      writeFileSync(file, 'late\n');
      return true;
    },
    whenEnded: (call) => {
      setTimeout(call, 10);
      return () => undefined;
    },
    beginning: () => 0,
    clock: systemClock,
  };
  expect(await read(source)).toBe('late\n');
});
