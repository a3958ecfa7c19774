import { createHash } from 'node:crypto';

/** `user:password` in base64, as HTTP's basic authentication has it. */
export type Credentials = string;

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { auth?: unknown; username?: unknown; password?: unknown } | undefined>>;
}

/**
 * The credentials for an image among the contents of `.dockerconfigjson` Secrets, those with the most specific key first, of
 * one key in the order of the Secrets. A key is a host, or a URL, whose parts may hold `*` and `?`, with an optional
 * beginning of the repository's path. Texts that are no such configuration count as empty. (Upstream:
 * `pkg/credentialprovider/keyring.go`.)
 */
export function credentialsFor(
  image: { readonly registry: string; readonly repository: string },
  secrets: readonly string[],
): readonly Credentials[] {
  const found: { readonly key: string; readonly credentials: Credentials }[] = [];
  for (const secret of secrets) {
    for (const [written, entry] of Object.entries(authsOf(secret))) {
      const key = hostAndPath(written);
      const credentials = credentialsIn(entry);
      if (credentials !== undefined && matches(key, image)) found.push({ key, credentials });
    }
  }
  found.sort((a, b) => (a.key === b.key ? 0 : a.key > b.key ? -1 : 1));
  return [...new Set(found.map(({ credentials }) => credentials))];
}

/** What is kept of credentials, to know them again. */
export function credentialsMark(credentials: Credentials): string {
  return createHash('sha256').update(credentials).digest('hex');
}

type Auth = NonNullable<DockerConfig['auths']>[string];

function credentialsIn(entry: Auth): Credentials | undefined {
  if (typeof entry?.auth === 'string' && entry.auth !== '') return entry.auth;
  if (typeof entry?.username !== 'string' || typeof entry.password !== 'string') return undefined;
  return Buffer.from(`${entry.username}:${entry.password}`).toString('base64');
}

function authsOf(secret: string): NonNullable<DockerConfig['auths']> {
  try {
    const config = JSON.parse(secret) as DockerConfig | null;
    return typeof config?.auths === 'object' ? config.auths : {};
  } catch {
    return {};
  }
}

/** Without the scheme and the version of the API. Docker's own key is `https://index.docker.io/v1/`. */
function hostAndPath(key: string): string {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(.*)$/.exec(key) ?? [];
  const name = host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
  return `${name}${path.replace(/^\/v[12](?=\/)/, '').replace(/\/$/, '')}`;
}

function matches(key: string, image: { readonly registry: string; readonly repository: string }): boolean {
  const slash = key.indexOf('/');
  const host = slash < 0 ? key : key.slice(0, slash);
  if (slash >= 0 && !`/${image.repository}`.startsWith(key.slice(slash))) return false;
  const pattern = host
    .replaceAll(/[\\^$+.()|[\]{}]/g, '\\$&')
    .replaceAll('*', '[^.:]*')
    .replaceAll('?', '[^.:]');
  return new RegExp(`^${pattern}$`).test(image.registry);
}
