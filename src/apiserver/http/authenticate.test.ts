import { describe, expect, it } from 'vitest';
import { createAuthenticator } from './authenticate.ts';
import type { Exchange } from './exchange.ts';

const admin = { name: 'admin', groups: ['system:masters'] };

function asking(authorization: string | undefined): Exchange {
  const exchange: Pick<Exchange, 'connection' | 'header' | 'tlsSocket'> = {
    connection: {},
    header: (name) => (name === 'authorization' ? authorization : undefined),
    tlsSocket: () => undefined,
  };
  return exchange as Exchange;
}

describe('createAuthenticator', () => {
  it('knows a bearer token, whatever the case of the scheme', () => {
    const authenticate = createAuthenticator({ tokens: new Map([['secret', admin]]) });
    for (const header of ['Bearer secret', 'bearer  secret ', 'BEARER secret'])
      expect(authenticate(asking(header))?.name).toBe('admin');
  });

  it.each(['Bearer', 'Bearer ', 'bearer', 'Basic secret', 'secret', 'Bearer other'])(
    'never takes "%s" for a token, not even for an empty one that a damaged file gave',
    (header) => {
      const tokens = new Map([
        ['', admin],
        ['secret', admin],
      ]);
      expect(createAuthenticator({ tokens })(asking(header))).toBeUndefined();
    },
  );
});
