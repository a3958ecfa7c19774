import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src/', import.meta.url));

/** Which rooms a room may import. `docs/decisions` records every change of this table. */
const allowed: Record<string, readonly string[]> = {
  cron: [],
  clock: [],
  metrics: [],
  log: ['clock'],
  spdy: [],
  api: [],
  store: ['clock', 'log'],
  client: ['api', 'clock', 'log'],
  apiserver: ['api', 'cron', 'store', 'client', 'spdy', 'clock', 'log', 'metrics'],
  controlloop: ['api', 'client', 'clock', 'log', 'metrics'],
  controllers: ['api', 'cron', 'client', 'controlloop', 'clock', 'log', 'metrics'],
  scheduler: ['api', 'client', 'controlloop', 'clock', 'log'],
  runtimes: ['api', 'spdy', 'clock', 'log'],
  node: ['api', 'client', 'controlloop', 'runtimes', 'clock', 'log'],
  engine: [
    ...['api', 'cron', 'client', 'store', 'apiserver', 'controlloop', 'controllers'],
    ...['scheduler', 'runtimes', 'node', 'clock', 'log', 'metrics'],
  ],
  cli: ['api', 'client', 'cron', 'engine', 'log'],
  testing: [
    ...['api', 'cron', 'client', 'store', 'apiserver', 'controlloop', 'controllers'],
    ...['scheduler', 'runtimes', 'node', 'engine', 'clock', 'log', 'metrics'],
  ],
  'main.ts': ['cli'],
};

/** Packages that product code may use, by room. Node's own modules are always allowed, except where `pureRooms` says. */
const packages: Record<string, readonly string[]> = {
  api: ['yaml'],
  client: ['yaml'],
  apiserver: ['ws'],
  runtimes: ['tar', 'fzstd', '@grpc/grpc-js', 'protobufjs/minimal.js'],
  engine: ['@peculiar/x509', 'reflect-metadata', 'dns-packet'],
};
const pureRooms = ['cron', 'api', 'log', 'metrics', 'controllers', 'scheduler', 'controlloop'];

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const isTest = (file: string): boolean => /\.(test|contract|fixture)\.ts$/.test(file);
const roomOf = (file: string): string => file.split('/')[0]!;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;
  return [...text.matchAll(pattern)].map((match) => ({ file, specifier: (match[1] ?? match[2] ?? match[3])! }));
}

/** The file a relative import names, seen from src/. */
function target(entry: Import): string {
  return relative(src, resolve(dirname(join(src, entry.file)), entry.specifier));
}

const productImports = files.filter((file) => !isTest(file)).flatMap(importsOf);

/** Rooms below others that their siblings may use, through the door. `docs/decisions` records each. */
const sharedRooms: readonly string[] = ['wrapped'];

/** A runtime or a controller is a room of its own: siblings never meet. */
function subRoom(file: string): string | undefined {
  const [room, sub] = file.split('/');
  return (room === 'controllers' || room === 'runtimes') && sub !== undefined && !sub.endsWith('.ts') ? sub : undefined;
}

describe('architecture', () => {
  it('finds the rooms and their imports at all', () => {
    expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(allowed)));
    expect(productImports.length).toBeGreaterThan(100);
  });

  it('lets rooms import only the rooms that the table allows', () => {
    const wrong = productImports
      .filter((entry) => entry.specifier.startsWith('.'))
      .filter((entry) => {
        const [from, to] = [roomOf(entry.file), roomOf(target(entry))];
        return from !== to && !allowed[from]!.includes(to);
      });
    expect(wrong).toEqual([]);
  });

  it('lets rooms import one another only through their doors', () => {
    const wrong = productImports
      .filter((entry) => entry.specifier.startsWith('.'))
      .filter((entry) => roomOf(entry.file) !== roomOf(target(entry)) || subRoom(entry.file) !== subRoom(target(entry)))
      .filter((entry) => !target(entry).endsWith('/index.ts'))
      .filter((entry) => !(subRoom(entry.file) !== undefined && target(entry).split('/').length === 2));
    expect(wrong).toEqual([]);
  });

  it('keeps controllers from one another and runtimes from one another', () => {
    const wrong = productImports
      .filter((entry) => entry.specifier.startsWith('.'))
      .filter((entry) => {
        const [from, to] = [subRoom(entry.file), subRoom(target(entry))];
        return from !== undefined && to !== undefined && from !== to && !sharedRooms.includes(to);
      });
    expect(wrong).toEqual([]);
  });

  it('lets only named rooms use packages, and pure rooms use nothing of Node', () => {
    const wrong = productImports
      .filter((entry) => !entry.specifier.startsWith('.'))
      .filter((entry) => {
        const room = roomOf(entry.file);
        if (entry.specifier.startsWith('node:')) return pureRooms.includes(room);
        return !(packages[room] ?? []).includes(entry.specifier);
      });
    expect(wrong).toEqual([]);
  });

  it('reads time and chance only in clock/system.ts', () => {
    const forbidden =
      /\bDate\.now\(|new Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(|\bMath\.random\(|\bperformance\.|\brandomUUID\b|\brandomBytes\b/;
    const wrong = files
      .filter((file) => !isTest(file) && file !== 'clock/system.ts' && roomOf(file) !== 'testing')
      .filter((file) => forbidden.test(readFileSync(join(src, file), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')));
    expect(wrong).toEqual([]);
  });

  it('keeps doors short and never lets product code import the test kit', () => {
    const doors = files.filter((file) => /^[^/]+\/index\.ts$/.test(file) || /^[^/]+\/[^/]+\/index\.ts$/.test(file));
    const long = doors.filter((file) => readFileSync(join(src, file), 'utf8').split('\n').length > 61);
    expect(long).toEqual([]);
    const kit = productImports.filter(
      (entry) => roomOf(entry.file) !== 'testing' && target(entry).startsWith('testing/'),
    );
    expect(kit).toEqual([]);
  });
});
