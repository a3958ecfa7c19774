export interface Arguments {
  readonly kills: number;
  readonly seed: number;
  readonly mode: 'fast' | 'minutes';
}

/** `[kills [seed [fast|minutes]]]`. What makes no sense ends the process with code 2: a proof without kills proves nothing. */
export function readArguments(words: readonly string[]): Arguments {
  const [kills = '200', seed = '1', mode = 'fast', ...rest] = words;
  if (!/^[1-9]\d{0,5}$/.test(kills)) return refuse(`kills: "${kills}" is no whole number from 1 to 999999`);
  if (!/^\d{1,9}$/.test(seed)) return refuse(`seed: "${seed}" is no whole number from 0 to 999999999`);
  if (mode !== 'fast' && mode !== 'minutes') return refuse(`mode: "${mode}" is neither fast nor minutes`);
  if (rest.length > 0) return refuse(`unexpected argument "${rest[0]}"`);
  return { kills: Number(kills), seed: Number(seed), mode };
}

function refuse(message: string): never {
  process.stderr.write(`prove:ticks [kills [seed [fast|minutes]]]: ${message}\n`);
  process.exit(2);
}
