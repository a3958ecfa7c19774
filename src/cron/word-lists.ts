/** `a`, `a and b`, `a, b and c`. */
export function joined(texts: readonly string[]): string {
  if (texts.length <= 1) return texts.join('');
  return `${texts.slice(0, -1).join(', ')} and ${texts[texts.length - 1]}`;
}

export function inOrder(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

/** Ascending values as texts, three and more in a row as `first to last`. */
export function runs(values: readonly number[], text: (value: number) => string): readonly string[] {
  const texts: string[] = [];
  for (let start = 0; start < values.length;) {
    const first = values[start] as number;
    let length = 1;
    while (values[start + length] === first + length) length++;
    if (length > 2) texts.push(`${text(first)} to ${text(first + length - 1)}`);
    else for (let i = 0; i < length; i++) texts.push(text(first + i));
    start += length;
  }
  return texts;
}

/** The step of values from 0 that comes out even in `size` (`0,15,30,45` of 60: 15); undefined for anything else. */
export function evenStep(values: readonly number[], size: number): number | undefined {
  const step = size / values.length;
  const isEven = values.length > 1 && Number.isInteger(step) && values.every((value, index) => value === index * step);
  return isEven ? step : undefined;
}
