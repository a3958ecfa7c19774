import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badRequest, failure } from '../api/index.ts';
import type { Extension, ExtensionRequest } from '../apiserver/index.ts';
import { CompactedError, FutureRevisionError, type Store } from '../store/index.ts';
import type { DataDirectory } from './data-directory.ts';

export const backupPath = '/rondo.dev/v1alpha1/backup';

/** One object as it lies in the store. */
export interface BackupEntry {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** The stored text. */
  readonly value: string;
}

/** A file of the data directory that no other one can be made from: keys, certificates, names. */
export interface BackupFile {
  /** Below the data directory. */
  readonly name: string;
  readonly text: string;
}

export interface BackupPage {
  /** All pages are read at it: what is written meanwhile does not show. */
  readonly revision: number;
  readonly entries: readonly BackupEntry[];
  /** Of the first page only. */
  readonly files?: readonly BackupFile[];
  /** What to ask for next; absent: this was the last page. */
  readonly after?: string;
}

interface Options {
  readonly store: Store;
  readonly directory: DataDirectory;
}

const pageEntries = 500;
/** Greater than every key. */
const end = '\u{10ffff}';

/** Answers GET with the state of the whole store, page by page (`?revision=&after=` of the page before), read-only. */
export function backupExtension({ store, directory }: Options): Extension {
  return {
    path: backupPath,
    serve: (request) => {
      if (request.path !== backupPath) throw failure({ code: 404, reason: 'NotFound', message: 'no such path' });
      if (request.method !== 'GET')
        throw failure({ code: 405, reason: 'MethodNotAllowed', message: 'a backup can only be read' });
      const { after, revision } = placeOf(request);
      const page = readPage(store, { after, revision: revision ?? store.revision });
      return { code: 200, body: after === undefined ? { ...page, files: filesOf(directory) } : page };
    },
  };
}

function placeOf({ query }: ExtensionRequest): { after: string | undefined; revision: number | undefined } {
  const { after, revision, ...others } = query;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw badRequest(`unknown parameter ${unknown}`);
  if ((after === undefined) !== (revision === undefined)) throw badRequest('after and revision go together');
  if (after === undefined || revision === undefined) return { after: undefined, revision: undefined };
  const number = Number(revision);
  if (typeof after !== 'string' || typeof revision !== 'string' || !Number.isSafeInteger(number) || number < 0)
    throw badRequest('after and revision are those of the page before');
  return { after, revision: number };
}

function readPage(store: Store, { after, revision }: { after: string | undefined; revision: number }): BackupPage {
  // The key that comes right behind another one.
  const start = after === undefined ? '' : `${after}\0`;
  try {
    const { entries, more } = store.range({ start, end, revision, limit: pageEntries });
    const last = entries.at(-1)?.key;
    return {
      revision,
      entries: entries.map(({ key, createRevision, modRevision, value }) => {
        return { key, createRevision, modRevision, value: value.toString() };
      }),
      ...(more && last !== undefined && { after: last }),
    };
  } catch (error) {
    if (error instanceof CompactedError || error instanceof FutureRevisionError)
      throw failure({
        code: 410,
        reason: 'Expired',
        message: 'the backup took longer than history is kept: begin again',
      });
    throw error;
  }
}

function filesOf(directory: DataDirectory): readonly BackupFile[] {
  const keys = readdirSync(directory.pki).map((name) => join('pki', name));
  return [...keys, 'token', 'node-name'].map((name) => {
    return { name, text: readFileSync(join(directory.path, name), 'utf8') };
  });
}
