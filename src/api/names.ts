const dns1123Label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dns1123Subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const envVarName = /^[ -<>-~]+$/;

const labelLimit = 63;
const subdomainLimit = 253;

const tooLong = (limit: number): string => `must be no more than ${limit} bytes`;
const regexNote = (examples: readonly string[], pattern: string): string =>
  `(e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;

/** Why `text` is no DNS label (RFC 1123); empty when it is one. Texts as apimachinery's validation. */
export function dns1123LabelErrors(text: string): string[] {
  const errors = text.length > labelLimit ? [tooLong(labelLimit)] : [];
  if (!dns1123Label.test(text))
    errors.push(
      `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character ${regexNote(['my-name', '123-abc'], '[a-z0-9]([-a-z0-9]*[a-z0-9])?')}`,
    );
  return errors;
}

/** Why `text` is no DNS subdomain (RFC 1123); empty when it is one. */
export function dns1123SubdomainErrors(text: string): string[] {
  const errors = text.length > subdomainLimit ? [tooLong(subdomainLimit)] : [];
  if (!dns1123Subdomain.test(text))
    errors.push(
      `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character ${regexNote(['example.com'], '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')}`,
    );
  return errors;
}

/** Why `text` is no qualified name (`prefix/name`, as label keys are); empty when it is one. */
export function qualifiedNameErrors(text: string): string[] {
  const parts = text.split('/');
  const errors: string[] = [];
  let name = parts[0]!;
  if (parts.length === 2) {
    name = parts[1]!;
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else errors.push(...dns1123SubdomainErrors(parts[0]!).map((error) => `prefix part ${error}`));
  } else if (parts.length > 2) {
    return [
      `a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${regexNote(['MyName', 'my.name', '123-abc'], '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > labelLimit) errors.push(`name part ${tooLong(labelLimit)}`);
  if (!qualifiedPart.test(name))
    errors.push(
      `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${regexNote(['MyName', 'my.name', '123-abc'], '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')}`,
    );
  return errors;
}

/** Why `text` is no label value; empty when it is one (the empty string is). */
export function labelValueErrors(text: string): string[] {
  const errors = text.length > labelLimit ? [tooLong(labelLimit)] : [];
  if (text !== '' && !qualifiedPart.test(text))
    errors.push(
      `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${regexNote(['MyValue', 'my_value', '12345'], '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')}`,
    );
  return errors;
}

/** Why `text` cannot be one segment of a URL path; empty when it can. */
export function pathSegmentErrors(text: string): string[] {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return ['/', '%'].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
}

/** Why `text` is no name of an environment variable (the rule since 1.34); empty when it is one. */
export function envVarNameErrors(text: string): string[] {
  if (envVarName.test(text)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
const baseLimit = labelLimit - suffixLength;

/** A name from `generateName`: the base, cut to 58 characters, and 5 random ones (apiserver `names.SimpleNameGenerator`). */
export function generateName(base: string, random: { float(): number }): string {
  let suffix = '';
  for (let i = 0; i < suffixLength; i++) suffix += nameAlphabet[Math.floor(random.float() * nameAlphabet.length)]!;
  return base.slice(0, baseLimit) + suffix;
}
