import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildKubeconfig, loadKubeconfig, mergeKubeconfig } from './kubeconfig.ts';

const options = {
  name: 'rondo',
  server: 'https://127.0.0.1:6443',
  ca: 'CA\n',
  clientCert: 'CERT\n',
  clientKey: 'KEY\n',
};

const existing = `# mine
apiVersion: v1
kind: Config
current-context: work
clusters:
  - name: work # the office
    cluster: { server: https://work.example }
users:
  - name: me
    user: { token: abc }
contexts:
  - name: work
    context: { cluster: work, user: me, namespace: team }
`;

describe('kubeconfig', () => {
  it('loads what it builds', () => {
    const { name, ...rest } = options;
    expect(loadKubeconfig(buildKubeconfig(options))).toEqual({ context: name, ...rest });
  });

  it('loads another context, tokens, namespaces and files', () => {
    expect(loadKubeconfig(existing)).toEqual({
      context: 'work',
      server: 'https://work.example',
      token: 'abc',
      namespace: 'team',
    });
    const files = existing.replace(
      'server: https://work.example',
      'server: https://work.example, certificate-authority: /ca.pem',
    );
    const readFile = (path: string) => `content of ${path}`;
    expect(loadKubeconfig(files, { context: 'work', readFile }).ca).toBe('content of /ca.pem');
  });

  it.each([
    ['no context', existing.replace('current-context: work', ''), 'no current context'],
    [
      'a context that is missing',
      existing.replace('current-context: work', 'current-context: x'),
      'no context named "x"',
    ],
    ['a cluster that is missing', existing.replace('{ cluster: work,', '{ cluster: x,'), 'no cluster named "x"'],
    ['a login program', existing.replace('token: abc', 'exec: {}'), 'logs in with exec'],
    ['no verification', existing.replace('{ server', '{ insecure-skip-tls-verify: true, server'), 'not to verify'],
    ['a list', '[]', 'not a kubeconfig'],
    [
      'a section that is no list',
      `${existing.replace(/^clusters:[^]*?^(?=\w)/m, '')}clusters: {}\n`,
      'no list of clusters',
    ],
  ])('refuses %s, and says so', (_name, text, message) => {
    expect(() => loadKubeconfig(text)).toThrow(message);
  });

  it('merges beside what is there, and keeps comments, order and the current context', () => {
    const merged = mergeKubeconfig(existing, buildKubeconfig(options));
    expect(merged.startsWith('# mine\n')).toBe(true);
    expect(merged).toContain('# the office');
    const config = parse(merged) as { clusters: { name: string }[]; 'current-context': string };
    expect(config.clusters.map(({ name }) => name)).toEqual(['work', 'rondo']);
    expect(config['current-context']).toBe('work');
    expect(loadKubeconfig(merged, { context: 'rondo' })).toEqual(loadKubeconfig(buildKubeconfig(options)));
    expect(loadKubeconfig(merged).token).toBe('abc');
  });

  it('takes the new context when there is none yet', () => {
    const fresh = buildKubeconfig(options);
    expect(mergeKubeconfig('', fresh)).toBe(fresh);
    const empty = 'apiVersion: v1\nkind: Config\nclusters: null\nusers: []\n';
    expect(loadKubeconfig(mergeKubeconfig(empty, fresh)).context).toBe('rondo');
  });

  it.each([
    ['another port', { server: 'https://127.0.0.1:7000' }],
    ['a new authority', { ca: 'OTHER\n' }],
  ])('replaces its own entries when the cluster has %s', (_name, change) => {
    const before = mergeKubeconfig(existing, buildKubeconfig(options));
    const after = mergeKubeconfig(before, buildKubeconfig({ ...options, ...change }));
    expect(loadKubeconfig(after, { context: 'rondo' })).toMatchObject(change);
    expect((parse(after) as { users: unknown[] }).users).toHaveLength(2);
  });

  it('changes nothing when a name belongs to another cluster', () => {
    const other = buildKubeconfig({ ...options, server: 'https://elsewhere', ca: 'OTHER' });
    expect(() => mergeKubeconfig(buildKubeconfig(options), other)).toThrow('another entry named rondo under clusters');
    const sameUser = existing.replaceAll('name: me', 'name: rondo-admin');
    expect(() => mergeKubeconfig(sameUser, buildKubeconfig(options))).toThrow('named rondo-admin under users');
  });
});
