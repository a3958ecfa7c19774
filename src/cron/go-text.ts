// How Go's standard library reads white space and writes texts into its errors.

/** What `unicode.IsSpace` accepts: not what `\s` does (no U+FEFF, but U+0085). */
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const spaces = new RegExp(`[${space}]+`, 'u');
const outerSpaces = new RegExp(`^[${space}]+|[${space}]+$`, 'gu');

/** `strings.Fields`. */
export function splitFields(text: string): string[] {
  return text.split(spaces).filter((field) => field !== '');
}

/** `strings.TrimSpace`. */
export function trimSpace(text: string): string {
  return text.replace(outerSpaces, '');
}

const namedEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** `strconv.Quote`: the form of numbers that could not be read. */
export function quote(text: string): string {
  return `"${Array.from(text, quoteCharacter).join('')}"`;
}

function quoteCharacter(character: string): string {
  const named = namedEscapes[character];
  if (named !== undefined) return named;
  if (printable.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x1_00_00 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** The quoting of package `time`: bytes that are not printable ASCII as `\x..`. */
export function quoteForTime(text: string): string {
  const quoted = Array.from(text, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return character >= ' ' && character < '\x80' ? character : bytesOf(character);
  });
  return `"${quoted.join('')}"`;
}

function bytesOf(character: string): string {
  return Array.from(new TextEncoder().encode(character), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
