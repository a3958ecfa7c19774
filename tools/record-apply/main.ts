// Plays random cases through upstream's own field manager (main.go, built with Go) and writes what comes out to
// tests/fixtures/apply: npx tsx tools/record-apply/main.ts [--seed 1] [--count 140] [--out FILE]
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { randomCases } from './cases.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '140' },
    out: {
      type: 'string',
      default: fileURLToPath(new URL('../../tests/fixtures/apply/recorded.json', import.meta.url)),
    },
    player: { type: 'string' },
  },
});
const cases = randomCases(Number(values.seed), Number(values.count));
const options = { input: JSON.stringify(cases), maxBuffer: 2 ** 30, cwd: fileURLToPath(new URL('.', import.meta.url)) };
const output =
  values.player === undefined ? execFileSync('go', ['run', '.'], options) : execFileSync(values.player, [], options);
const outcomes = JSON.parse(output.toString()) as unknown[];
const recorded = cases.map((one, at) => JSON.stringify({ ...one, outcomes: outcomes[at] }));
writeFileSync(values.out, `[\n${recorded.join(',\n')}\n]\n`);
console.log(`${cases.length} cases from seed ${values.seed}`);
