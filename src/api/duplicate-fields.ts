import { badRequest } from './status.ts';

/**
 * Paths of keys that stand twice in one object of a JSON text, like `spec.suspend`; the first hundred. One pass over the
 * text, which must be valid JSON (JSON.parse has taken it).
 * @throws ApiError 400 when lists and objects are nested more than 10 000 deep, as Go's JSON decoder does
 */
export function findDuplicateFields(text: string): string[] {
  return new Scanner(text).scan();
}

interface Level {
  /** Keys of an object; undefined in a list. */
  keys: Keys | undefined;
  /** The key or index that is being read. */
  step: string | number;
}

/** Few keys are sought in a list: making a set costs more. */
type Keys = string[] | Set<string>;

const quote = 0x22;
const backslash = 0x5c;
const maxDepth = 10_000;
const maxFound = 100;
const maxListed = 16;

class Scanner {
  readonly #text: string;
  readonly #levels: Level[] = [];
  readonly #found: string[] = [];
  #expectsKey = false;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): string[] {
    const text = this.#text;
    for (let at = 0; at < text.length; at++) {
      switch (text.charCodeAt(at)) {
        case quote:
          at = this.#string(at);
          break;
        case 0x7b: // {
          this.#open({ keys: [], step: '' });
          this.#expectsKey = true;
          break;
        case 0x5b: // [
          this.#open({ keys: undefined, step: 0 });
          this.#expectsKey = false;
          break;
        case 0x7d: // }
        case 0x5d: // ]
          this.#levels.pop();
          this.#expectsKey = false;
          break;
        case 0x2c: // ,
          this.#comma();
          break;
      }
    }
    return this.#found;
  }

  #open(level: Level): void {
    if (this.#levels.length >= maxDepth) throw badRequest('exceeded max depth');
    this.#levels.push(level);
  }

  /** From the opening quote to the closing one. */
  #string(start: number): number {
    const text = this.#text;
    let end = text.indexOf('"', start + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (this.#expectsKey) this.#key(text.slice(start + 1, end));
    return end;
  }

  #key(raw: string): void {
    const level = this.#levels.at(-1)!;
    const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
    level.step = key;
    if (hadKey(level, key) && this.#found.length < maxFound) this.#found.push(this.#path());
    this.#expectsKey = false;
  }

  #comma(): void {
    const level = this.#levels.at(-1)!;
    if (level.keys === undefined) level.step = (level.step as number) + 1;
    else this.#expectsKey = true;
  }

  #path(): string {
    return this.#levels
      .map(({ step }, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
      .join('');
  }
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === backslash) start--;
  return (at - start) % 2 === 1;
}

/** Whether the key was there before; adds it if not. */
function hadKey(level: Level, key: string): boolean {
  const { keys } = level;
  if (keys instanceof Set) {
    if (keys.has(key)) return true;
    keys.add(key);
  } else if (keys !== undefined) {
    if (keys.includes(key)) return true;
    keys.push(key);
    if (keys.length > maxListed) level.keys = new Set(keys);
  }
  return false;
}
