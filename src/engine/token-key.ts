import { makeSigningKeyPem, readSigningKey } from '../apiserver/index.ts';
import type { Logger } from '../log/index.ts';
import { keptText, writePrivateFile } from './data-directory.ts';

/**
 * The key that signs tokens of ServiceAccounts: the one in the file, or a new one that is written there. A file that
 * holds no key is replaced, and that is said: tokens that were signed before end, and those of Pods are made anew.
 */
export function ensureTokenKey(path: string, log: Logger): string {
  const pem = keptText(path, () => makeSigningKeyPem().trim());
  try {
    readSigningKey(pem);
    return pem;
  } catch (error) {
    log.warn('the key that signs ServiceAccount tokens cannot be read and is made anew', { path, error });
    const made = makeSigningKeyPem();
    writePrivateFile(path, made);
    return made;
  }
}
