import { existsSync, rmSync } from 'node:fs';
import { resources } from '../api/index.ts';
import { keyPrefix } from '../apiserver/index.ts';
import { systemRandom } from '../clock/index.ts';
import { aesCipher, prefixEnd, secretBytes, StoreOpenError, type Store, type ValueCipher } from '../store/index.ts';
import { keptText, StartError } from './data-directory.ts';

const secrets = keyPrefix(resources.secrets);

/**
 * What keeps Secrets unreadable in the files of the store: with the key in the file, or a new one that is written there.
 * @throws StartError if the file holds something else
 */
export function secretCipher(path: string): ValueCipher {
  const secret = Buffer.from(
    keptText(path, () => Buffer.from(systemRandom.bytes(secretBytes)).toString('base64')),
    'base64',
  );
  if (secret.length !== secretBytes)
    throw new StartError(`${path} holds no key for Secrets: ${secretBytes} bytes in base64; put it back from a backup`);
  return aesCipher(secret, (key) => key.startsWith(secrets), systemRandom);
}

/**
 * Opens a store with the key in the file; Secrets that were sealed with another one are found now, not when they are needed.
 * @throws StartError then; what `open` throws
 */
export async function openSealed(path: string, open: (cipher: ValueCipher) => Promise<Store>): Promise<Store> {
  const isNew = !existsSync(path);
  const store = await open(secretCipher(path));
  try {
    void store.range({ start: secrets, end: prefixEnd(secrets), limit: 1 }).entries[0]?.value;
    return store;
  } catch (error) {
    await store.close();
    if (!(error instanceof StoreOpenError)) throw error;
    // A new key would only hide that the old one is missing.
    if (isNew) rmSync(path, { force: true });
    const what = isNew ? 'is missing' : 'is another one';
    throw new StartError(`the key that Secrets are sealed with ${what}: put ${path} back, every backup holds it`, {
      cause: error,
    });
  }
}
