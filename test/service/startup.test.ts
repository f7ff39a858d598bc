import { afterEach, describe, expect, it } from '@jest/globals';
import { createService, type Service } from '../../src/service/service.js';
import { pongcheck } from '../cli/command.js';
import { FakeClock, settle } from '../fake-clock.js';

let service: Service | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

describe('the startup grace', () => {
  it('is distinguished from a failed start, with PING and over HTTP, for each prober', async () => {
    let migrated = false;
    service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: { port: 0 },
      startup: { grace: 0 },
      checks: {
        migration: {
          kind: 'function',
          groups: ['startup'],
          interval: 0,
          run: async () => ({ status: migrated ? 'pass' : 'fail' }),
        },
      },
    });
    await service.start();
    const [address = ''] = service.addresses;
    const probe = () =>
      pongcheck(['ping', address, '--exit', 'nagios', '--detail', '--scope', 'startup', '--max-age', '0']);
    expect(await probe()).toMatchObject({ code: 2, stdout: expect.stringContaining('migration=custom') });
    const startupz = async () => {
      const response = await fetch(`${service?.httpAddress}/startupz?verbose`);
      return `${response.status} ${await response.text()}`;
    };
    expect(await startupz()).toMatch(/^503 \[-\]migration failed: custom \(.*\)\nstartupz check failed: fail\n$/);
    // Startup does not wait: a probe starts a run, and the next probe sees its result.
    const passed = new Promise<void>((resolve) => {
      service?.health.onTransition(({ name, to }) => name === 'startup' && to === 'pass' && resolve());
    });
    migrated = true;
    await probe();
    await passed;
    expect(await probe()).toMatchObject({ code: 0 });
    expect(await startupz()).toMatch(/^200 \[\+\]migration ok \(.*\)\nstartupz check passed\n$/);
  });

  it('begins with the start, and has the configured duration', async () => {
    const clock = new FakeClock();
    const checks = { own: { kind: 'function', groups: ['startup'], run: async () => ({ status: 'fail' as const }) } };
    service = createService({ listen: [], http: false, startup: { grace: 20_000 }, checks, clock });
    await clock.advance(60_000);
    await service.start();
    await settle();
    await clock.advance(19_000);
    expect(service.health.stateOf('startup')).toBe('starting');
    await clock.advance(1000);
    expect(service.health.stateOf('startup')).toBe('fail');
  });
});

it('runs no check before HTTP is loaded and open, because loading blocks the event loop', async () => {
  const addresses: unknown[] = [];
  const ran = new Promise<void>((resolve) => {
    const check = () => {
      addresses.push(service?.httpAddress);
      resolve();
    };
    service = createService({ listen: [], http: { port: 0 }, checks: { check } });
  });
  await service?.start();
  await ran;
  expect(addresses).toEqual([expect.stringMatching(/^http:/)]);
});
