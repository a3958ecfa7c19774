/** One word for a POSIX shell, whatever bytes the text holds (but no NUL, which no argument can hold). */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_/.:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
