/** Names, sizes and texts that ConfigMap and Secret share. */

/** What all values of a ConfigMap or Secret may have together. */
export const dataLimitBytes = 1024 * 1024;

const keyPattern = /^[-._a-zA-Z0-9]+$/;
const keyText =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** What is wrong with a key. Upstream: apimachinery `IsConfigMapKey`. */
export function configKeyErrors(key: string): string[] {
  const errors: string[] = [];
  if (key.length > 253) errors.push('must be no more than 253 characters');
  if (!keyPattern.test(key)) errors.push(keyText);
  if (key === '.') errors.push("must not be '.'");
  else if (key === '..') errors.push("must not be '..'");
  else if (key.startsWith('..')) errors.push("must not start with '..'");
  return errors;
}

/** How many bytes a base64 text stands for; enough to check limits without decoding. */
export function base64Bytes(text: string): number {
  return Buffer.byteLength(text, 'base64');
}
