import type { NamePattern } from './scenario.ts';

/** `default/name` of `name`. */
export function qualified(pattern: string): NamePattern {
  return pattern.includes('/') ? pattern : `default/${pattern}`;
}

export function splitName(pattern: NamePattern): { readonly namespace: string; readonly name: string } {
  const slash = pattern.indexOf('/');
  return { namespace: pattern.slice(0, slash), name: pattern.slice(slash + 1) };
}

const compiled = new Map<NamePattern, RegExp>();

/** Whether `namespace/name` fits a pattern, in which `*` stands for any letters. */
export function fits(pattern: NamePattern, key: string): boolean {
  if (!pattern.includes('*')) return pattern === key;
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
    compiled.set(pattern, (expression = new RegExp(`^${source.join('.*')}$`)));
  }
  return expression.test(key);
}
