import type { Clock } from '../../clock/index.ts';
import { seededRandom } from '../../clock/index.ts';
import { makeSigningKeyPem, readSigningKey } from './signing-key.ts';
import { TokenIssuer } from './token-issuer.ts';

/** A key for all tests of a file: making one takes time. */
export const testKey = readSigningKey(makeSigningKeyPem());

export function testIssuer(clock: Clock): TokenIssuer {
  return new TokenIssuer(testKey, { clock, random: seededRandom(7) });
}
