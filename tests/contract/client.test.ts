import { resources, type Pod } from '../../src/api/index.ts';
import { createApiServer, noPods, type ApiServer, type PodStreams } from '../../src/apiserver/index.ts';
import { createHttpClient } from '../../src/client/index.ts';
import { systemClock, systemRandom, type Clock } from '../../src/clock/index.ts';
import { silentLogger } from '../../src/log/index.ts';
import { createMemoryStore } from '../../src/store/index.ts';
import { FakeClock, seededRandom } from '../../src/testing/index.ts';
import { tester } from './client-kinds.ts';
import { clientContract, type ClientUnderTest } from './client.contract.ts';

const podStreams: PodStreams = { ...noPods, log: twoLines };

async function* twoLines(_pod: Pod): AsyncIterable<Uint8Array> {
  for (const line of ['one\n', 'two\n']) yield Buffer.from(line);
}

async function startServer(clock: Clock): Promise<ApiServer> {
  const store = createMemoryStore({ clock });
  const server = createApiServer({ store, clock, random: seededRandom(1), log: silentLogger, podStreams });
  await server.start();
  const account = { metadata: { name: 'default', namespace: 'default' } };
  await server.clientFor(tester).create(resources.serviceAccounts, account);
  return server;
}

async function inProcess(): Promise<ClientUnderTest> {
  const clock = new FakeClock();
  const server = await startServer(clock);
  return {
    client: server.clientFor(tester),
    eventually: async (check) => {
      await clock.settle();
      if (!check()) throw new Error('everything is at rest, and it still does not hold');
    },
    stop: () => server.stop(),
  };
}

/** Far beyond what any answer takes, so that a failing test says so instead of hanging. */
const patienceMs = 10_000;

async function overHttp(): Promise<ClientUnderTest> {
  const server = await startServer(systemClock);
  const token = 'secret';
  const { url } = await server.listen({ host: '127.0.0.1', port: 0, tokens: new Map([[token, tester]]) });
  return {
    client: createHttpClient({ server: url, token, clock: systemClock, random: systemRandom }),
    eventually: async (check) => {
      const endMs = systemClock.monotonic() + patienceMs;
      while (!check()) {
        if (systemClock.monotonic() > endMs) throw new Error('it still does not hold');
        await systemClock.yield();
      }
    },
    stop: () => server.stop(),
  };
}

clientContract('in process', inProcess);
clientContract('over HTTP', overHttp);
