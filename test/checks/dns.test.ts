import { afterEach, describe, expect, it } from '@jest/globals';
import { type DnsOptions, dnsCheck } from '../../src/checks/dns/index.js';
import { type Outcome, runCheck } from '../live/run-check.js';
import { freePort } from '../live/server-process.js';
import { NameServer, nameData, textData, uint16, uint32, type Zone } from './name-server.js';

let server: NameServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

const name = 'shop.test';
const records: Zone['records'] = {
  [`${name} A`]: [Buffer.from([10, 0, 0, 1]), Buffer.from([10, 0, 0, 2])],
  [`${name} AAAA`]: [Buffer.from('20010db8000000000000000000000001', 'hex')],
  [`${name} CNAME`]: [nameData('front.test')],
  [`${name} MX`]: [Buffer.concat([uint16(10), nameData('mail.test')])],
  [`${name} NS`]: [nameData('ns.test')],
  [`${name} PTR`]: [nameData('host.test')],
  [`${name} SOA`]: [Buffer.concat([nameData('ns.test'), nameData('root.test'), uint32(7, 3600, 600, 86400, 60)])],
  [`${name} SRV`]: [Buffer.concat([uint16(0, 5, 7464), nameData('pod.test')])],
  [`${name} TXT`]: [Buffer.concat([textData('v=spf1 '), textData('hush-record')])],
};

async function run(options: Partial<DnsOptions> = {}): Promise<Outcome> {
  const check = dnsCheck({ name, timeout: 5000, ...(server && { server: server.address }), ...options });
  try {
    return await runCheck(check);
  } finally {
    await check.close?.();
  }
}

describe('a dns check', () => {
  it.each([
    ['A', '10.0.0.2', 2],
    ['AAAA', '/^2001:db8::1$/', 1],
    ['CNAME', '/^front.test$/', 1],
    ['MX', '/^10 mail.test$/', 1],
    ['NS', '/^ns.test$/', 1],
    ['PTR', '/^host.test$/', 1],
    ['SOA', '/^ns.test root.test 7 3600 600 86400 60$/', 1],
    ['SRV', '/^0 5 7464 pod.test$/', 1],
    ['TXT', '/^v=spf1 hush-record$/', 1],
  ] as const)('passes with the expected %s records, and counts them', async (type, expected, count) => {
    server = await NameServer.start({ records });
    const outcome = { status: 'pass', observedValue: count, observedUnit: 'records' };
    expect(await run({ type, expect: expected })).toMatchObject(outcome);
    expect(await run({ type, expect: expected, minRecords: count + 1 })).toMatchObject({
      ...outcome,
      status: 'fail',
      reason: 'threshold',
      output: `${name} has ${count} ${type} records, minimum: ${count + 1}`,
    });
  });

  it('fails if no record is as expected, without repeating one', async () => {
    server = await NameServer.start({ records });
    const outcome = await run({ type: 'TXT', expect: 'v=spf2' });
    expect(outcome).toMatchObject({ status: 'fail', reason: 'bad-body', observedValue: 1 });
    expect(JSON.stringify(outcome)).not.toMatch(/hush/);
  });

  it('queries over TCP if the answer over UDP is truncated', async () => {
    const all = Array.from({ length: 1000 }, (_, i) => Buffer.from([10, 0, i >> 8, i & 255]));
    server = await NameServer.start({ records: { [`${name} A`]: all }, truncates: true });
    expect(await run({ expect: '10.0.3.231', minRecords: 1000 })).toMatchObject({
      status: 'pass',
      observedValue: 1000,
    });
    expect(server.queries.tcp).toBe(1);
  });

  it.each([
    ['a name that does not exist', {}, 'dns', /^shop.test does not exist/],
    ['no records of the type', { records: { [`${name} TXT`]: [] } }, 'dns', /^shop.test has no A records/],
    ['a failure of the server', { code: 2 }, 'dns', /^the name server failed to resolve shop.test/],
    ['a refusal', { code: 5 }, 'dns', /^the name server refused the query for shop.test/],
    ['an answer that is cut off', { raw: uint16(0x8180, 1, 200, 0, 0) }, 'protocol', /malformed/],
  ] as const)('fails for %s', async (_, zone, reason, output) => {
    server = await NameServer.start(zone);
    expect(await run()).toMatchObject({ status: 'fail', reason, output: expect.stringMatching(output) });
  });

  it('fails if nothing listens, and passes when the server is back', async () => {
    const port = await freePort();
    const options = { server: `127.0.0.1:${port}` };
    expect(await run(options)).toMatchObject({ status: 'fail', reason: 'refused' });
    server = await NameServer.start({ records }, port);
    expect(await run(options)).toMatchObject({ status: 'pass' });
  });

  it('ends at its timeout while the server is silent, and passes when it answers again', async () => {
    server = await NameServer.start({ raw: Buffer.alloc(0) });
    expect(await run({ timeout: 200 })).toMatchObject({ status: 'fail', reason: 'timeout' });
    server.zone = { records };
    expect(await run()).toMatchObject({ status: 'pass' });
  });

  it('repeats a query that was lost', async () => {
    server = await NameServer.start({ raw: Buffer.alloc(0) });
    const { queries } = server;
    const running = run({ timeout: 5000 });
    while (queries.udp < 1) await new Promise((resolve) => setImmediate(resolve));
    server.zone = { records };
    expect(await running).toMatchObject({ status: 'pass' });
    expect(queries.udp).toBeGreaterThan(1);
  });

  it('cancels its query when it is aborted', async () => {
    server = await NameServer.start({ raw: Buffer.alloc(0) });
    const aborter = new AbortController();
    const check = dnsCheck({ name, server: server.address });
    const running = check.run(aborter.signal, performance.now() + 60_000);
    aborter.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
  });
});

describe('the options of a dns check', () => {
  it.each([
    [{ name: '' }, /name is/],
    [{ name: 'a..b' }, /name is "a..b"/],
    [{ name: `${'x'.repeat(64)}.test` }, /labels of 1 to 63/],
    [{ name: 'münchen.test' }, /ASCII/],
    [{ name, type: 'ANY' }, /type is "ANY"/],
    [{ name, server: 'ns.test' }, /server is "ns.test"; allowed: IP or IP:PORT/],
    [{ name, minRecords: 0 }, /minRecords is 0/],
    [{ name, expect: '/(/' }, /expect/],
    [{ name, servre: 'x' }, /servre/],
  ])('refuse %j', (options, why) => {
    expect(() => dnsCheck(options as DnsOptions)).toThrow(why);
  });
});
