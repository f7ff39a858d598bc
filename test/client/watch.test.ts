import { afterEach, describe, expect, it } from '@jest/globals';
import { type Client, connect } from '../../src/client.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const open of opened.splice(0).reverse()) await open.close();
});

async function serve(options: ServiceOptions = {}): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  await service.start();
  opened.push({ close: () => service.stop() });
  return service;
}

async function clientOf(service: Service): Promise<Client> {
  const client = await connect(service.addresses[0] as string);
  opened.push(client);
  return client;
}

function switched() {
  let well = true;
  let runs = 0;
  return {
    set: (now: boolean) => {
      well = now;
    },
    get runs() {
      return runs;
    },
    check: {
      kind: 'function',
      interval: 20,
      minInterval: 10,
      run: async () => {
        runs++;
        return { status: well ? ('pass' as const) : ('fail' as const), output: 'so it is' };
      },
    },
  };
}

describe('a watch', () => {
  it('yields the current status, then each change, with the report', async () => {
    const db = switched();
    const client = await clientOf(await serve({ checks: { db: db.check } }));
    const seen: string[] = [];
    for await (const { status, healthy, report } of client.watch({ detail: true })) {
      seen.push(`${status} ${healthy} ${((report?.causes ?? []) as { check: string }[])[0]?.check}`);
      if (status === 'pass') db.set(false);
      if (status === 'fail' && seen.length < 3) db.set(true);
      if (seen.filter((what) => what.startsWith('pass')).length === 2) break;
    }
    expect(seen.filter((what) => !what.startsWith('unknown'))).toEqual([
      'pass true undefined',
      'fail false db',
      'pass true undefined',
    ]);
  });

  it('causes no additional runs of the check, with any number of watches', async () => {
    const db = switched();
    const starts: number[] = [];
    const run = () => {
      starts.push(performance.now());
      return db.check.run();
    };
    const service = await serve({ checks: { db: { ...db.check, run, interval: 200, maxAge: 200 } } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => clientOf(service)));
    const watches = clients.flatMap((client) => Array.from({ length: 50 }, () => client.watch()));
    db.set(false);
    await Promise.all(
      watches.map(async (watch) => {
        for await (const { status } of watch) if (status === 'fail') return;
      }),
    );
    // Runs are up to a quarter of the interval early, and a timer slightly.
    const gaps = starts.slice(1).map((at, i) => at - (starts[i] as number));
    for (const gap of gaps) expect(gap).toBeGreaterThan(140);
    while (service.server.stats.watches > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('yields each change to each of two iterations', async () => {
    const db = switched();
    const watch = (await clientOf(await serve({ checks: { db: db.check } }))).watch();
    const iterators = [watch[Symbol.asyncIterator](), watch[Symbol.asyncIterator]()];
    const until = async (wanted: string) =>
      Promise.all(
        iterators.map(async (iterator) => {
          for (;;) {
            const { value } = await iterator.next();
            if (value?.status === wanted) return wanted;
          }
        }),
      );
    expect(await until('pass')).toEqual(['pass', 'pass']);
    for (const status of ['fail', 'pass', 'fail']) {
      const changes = until(status);
      db.set(status === 'pass');
      expect(await changes).toEqual([status, status]);
    }
    watch.end();
    expect(await Promise.all(iterators.map((iterator) => iterator.next()))).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    // Iterating over a watch that has ended yields nothing.
    for await (const { status } of watch) throw new Error(status);
  });

  it('ends without an error with end(), and with its signal', async () => {
    const service = await serve();
    const client = await clientOf(service);
    const abort = new AbortController();
    for (const end of [(watch: { end(): void }) => watch.end(), () => abort.abort()]) {
      const watch = client.watch({ signal: abort.signal });
      let count = 0;
      for await (const _ of watch) {
        count++;
        end(watch);
      }
      expect(count).toBe(1);
    }
    await client.ping();
    expect(service.server.stats.watches).toBe(0);
  });

  it('throws the error with which the connection ended', async () => {
    const service = await serve();
    const client = await clientOf(service);
    const watched = (async () => {
      for await (const _ of client.watch()) void service.stop();
    })();
    await expect(watched).rejects.toMatchObject({ code: 'PONGCHECK_CLOSED' });
  });

  it('throws if the server permits no more watches', async () => {
    const client = await clientOf(await serve({ limits: { maxWatches: 1 } }));
    const first = client.watch();
    await expect(
      (async () => {
        for await (const _ of client.watch());
      })(),
    ).rejects.toMatchObject({ code: 'PONGCHECK_REFUSED', wire: { code: 7 } });
    expect((await first[Symbol.asyncIterator]().next()).value).toMatchObject({ status: 'pass' });
  });

  it('yields draining while the server still answers', async () => {
    const service = await serve({ drain: { grace: 2000, delay: 0 } });
    const client = await clientOf(service);
    const seen: string[] = [];
    let drained: Promise<void> | undefined;
    for await (const { status } of client.watch()) {
      seen.push(status);
      drained ??= service.drain();
      if (status === 'draining') break;
    }
    expect(seen).toEqual(['pass', 'draining']);
    await client.close();
    await drained;
  });

  it.each([
    [{ checks: ['a'], group: 'b' }, 'checks and group are both given'],
    [{ scope: 'none' }, 'scope is "none"'],
    [{ checks: [] }, 'checks is an empty list'],
  ])('refuses %j before anything is sent', async (options, name) => {
    const client = await clientOf(await serve());
    expect(() => client.watch(options as object)).toThrow(name);
  });
});
