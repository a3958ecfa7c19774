import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../../clock/index.ts';

/** Keeps the values of some keys unreadable for whoever has the files of a store, but not its secret. */
export interface ValueCipher {
  /** How many bytes longer a sealed value is; undefined: values of this key are written as they are. */
  addedBytes(key: string): number | undefined;
  seal(key: string, value: Buffer): Buffer;
  /** @throws Error if it was sealed with another secret or for another key, or was changed */
  unseal(key: string, sealed: Buffer): Buffer;
}

/** Everything is written as it is. */
export const noCipher: ValueCipher = {
  addedBytes: () => undefined,
  seal: (_key, value) => value,
  unseal: () => {
    throw new Error('it is sealed, and there is no secret to unseal it');
  },
};

const algorithm = 'aes-256-gcm';
const [nonceBytes, tagBytes] = [12, 16];
/** Length of the secret of an `aesCipher`. */
export const secretBytes = 32;

/**
 * Seals with AES-256-GCM: a nonce by chance, the tag, the text. The store's key goes into the tag, so that a value cannot be
 * put in the place of another. @throws RangeError for a secret of another length
 */
export function aesCipher(secret: Buffer, isSealed: (key: string) => boolean, random: Random): ValueCipher {
  if (secret.length !== secretBytes) throw new RangeError(`the secret must have ${secretBytes} bytes`);
  return {
    addedBytes: (key) => (isSealed(key) ? nonceBytes + tagBytes : undefined),
    seal: (key, value) => {
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv(algorithm, secret, nonce).setAAD(Buffer.from(key));
      const text = Buffer.concat([cipher.update(value), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    unseal: (key, sealed) => {
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, secret, nonce).setAAD(Buffer.from(key));
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]);
    },
  };
}
