/** What all warnings of one answer may take together, as upstream: more could overrun clients' header limits. */
const budgetBytes = 4096;

/** Values of Warning headers (RFC 7234, code 299) until the budget is used up; each text only once. */
export function warningHeaders(texts: readonly string[]): string[] {
  const headers: string[] = [];
  let left = budgetBytes;
  for (const text of new Set(texts)) {
    const value = `299 - "${escaped(text)}"`;
    if (value.length > left) break;
    left -= value.length;
    headers.push(value);
  }
  return headers;
}

/** Without control characters; as UTF-8 bytes, because header values are written as Latin-1. */
function escaped(text: string): string {
  const printable = text.replaceAll(/\p{Cc}+/gu, ' ').replaceAll(/["\\]/g, '\\$&');
  return Buffer.from(printable, 'utf8').toString('latin1');
}
