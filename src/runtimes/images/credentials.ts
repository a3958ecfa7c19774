/** `user:password` in base64, as HTTP's basic authentication has it. */
export type Credentials = string;

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { auth?: unknown; username?: unknown; password?: unknown } | undefined>>;
}

/**
 * The credentials for a registry among the contents of `.dockerconfigjson` Secrets; the first that fit. Texts that are no
 * such configuration count as empty, as upstream.
 */
export function credentialsFor(registry: string, secrets: readonly string[]): Credentials | undefined {
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(authsOf(secret))) {
      if (entry === undefined || hostOf(key) !== registry) continue;
      if (typeof entry.auth === 'string' && entry.auth !== '') return entry.auth;
      if (typeof entry.username === 'string' && typeof entry.password === 'string')
        return Buffer.from(`${entry.username}:${entry.password}`).toString('base64');
    }
  }
  return undefined;
}

function authsOf(secret: string): NonNullable<DockerConfig['auths']> {
  try {
    const config = JSON.parse(secret) as DockerConfig | null;
    return typeof config?.auths === 'object' ? config.auths : {};
  } catch {
    return {};
  }
}

/** Keys are hosts or URLs; Docker's own is `https://index.docker.io/v1/`. */
function hostOf(key: string): string {
  const name = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return name === 'index.docker.io' || name === 'registry-1.docker.io' ? 'docker.io' : name;
}
