// Asks the real kubectl what it makes of label selectors and quantities (it parses both itself, without a server) and
// writes the answers: the oracle of src/api/{label-selector,quantity}.test.ts.
// `KUBECTL=/path/to/kubectl npx tsx tools/record-texts.ts`
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

interface Texts {
  selectors: string[];
  quantities: string[];
}

const folder = new URL('../tests/fixtures/texts/', import.meta.url);
const texts = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as Texts;

function kubectl(args: readonly string[]): { output: string } | { error: string } {
  const all = ['--kubeconfig', '/dev/null', 'create', ...args, '--dry-run=client', '-o', 'json'];
  try {
    const options = { encoding: 'utf8', stdio: 'pipe' } as const;
    return { output: execFileSync(process.env['KUBECTL'] ?? 'kubectl', all, options) };
  } catch (error) {
    const [firstLine = ''] = (error as { stderr: string }).stderr.split('\n');
    return { error: firstLine.replace(/^error: /, '') };
  }
}

function recordSelector(text: string): unknown {
  const result = kubectl(['poddisruptionbudget', 'x', '--min-available=1', `--selector=${text}`]);
  if ('error' in result)
    return { text, error: result.error.replace(`couldn't parse the selector string "${text}": `, '') };
  return { text, selector: (JSON.parse(result.output) as { spec: { selector: unknown } }).spec.selector };
}

function recordQuantity(text: string): unknown {
  const result = kubectl(['quota', 'x', `--hard=a=${text}`]);
  if ('error' in result) return { text, error: result.error };
  return { text, canonical: (JSON.parse(result.output) as { spec: { hard: { a: string } } }).spec.hard.a };
}

const recorded = {
  selectors: texts.selectors.map(recordSelector),
  quantities: texts.quantities.map(recordQuantity),
};
writeFileSync(new URL('recorded.json', folder), `${JSON.stringify(recorded, null, 1)}\n`);
console.log(`${texts.selectors.length} selectors and ${texts.quantities.length} quantities recorded`);
