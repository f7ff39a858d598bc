import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { whenClosed } from '../when-closed.js';
import { until } from './until.js';

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
});

async function start(options: ServiceOptions): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: { port: 0 }, ...options });
  services.push(service);
  await service.start();
  return service;
}

async function prober(probe: Partial<ServiceOptions['probe']> = {}) {
  const target = await start({ checks: { db: async () => {}, cache: async () => false } });
  const { httpAddress } = await start({ listen: [], probe: { targets: ['127.0.0.1:*'], ...probe } });
  const address = (target.addresses[0] as string).replace('pong://', '');
  const get = async (query: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${httpAddress}/probe?${query}`, { headers });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  return { address, get };
}

describe('/probe', () => {
  it('reports an unhealthy target with 200 and its metrics', async () => {
    const { address, get } = await prober();
    const { status, type, text } = await get(`target=${address}`);
    expect(status).toBe(200);
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        'probe_success 0',
        'probe_ip_protocol 4',
        'probe_failure_reason{reason="unhealthy"} 1',
        'probe_failure_reason{reason="dns"} 0',
        'probe_pongcheck_status{status="fail"} 1',
        'probe_pongcheck_status{status="pass"} 0',
        'probe_pongcheck_check_status{check="db",status="pass"} 1',
        'probe_pongcheck_check_reason{check="cache",reason="custom"} 1',
      ]),
    );
    expect(text).toMatch(/^probe_pongcheck_rtt_seconds [\d.e-]+$/m);
    expect(text).not.toMatch(/^pongcheck_/m);
  });

  it('reports a blocked event loop of a target, which is not a check in its report', async () => {
    const causes = [
      { instance: 'a', via: [], check: 'event-loop', state: 'fail', reason: 'loop-blocked', output: 'since noon' },
      { instance: 'a', via: [], check: 'db', state: 'warn', reason: 'lag' },
      { instance: 'b', via: ['b'], check: 'cache', state: 'fail', reason: 'refused' },
    ];
    const checks = { db: [{ state: 'warn', reason: 'lag', ageMs: 5 }] };
    const body = JSON.stringify({ state: 'fail', causes, checks });
    const target = createServer((socket) => socket.end(`HTTP/1.1 503 x\r\nConnection: close\r\n\r\n${body}`).resume());
    await once(target.listen(0, '127.0.0.1'), 'listening');
    const { get } = await prober();
    const { text } = await get(`target=127.0.0.1:${(target.address() as AddressInfo).port}&module=http`);
    target.close();
    expect(text.match(/^probe_pongcheck_check_(status.* 1|reason.*)$/gm)).toEqual([
      'probe_pongcheck_check_status{check="event-loop",status="fail"} 1',
      'probe_pongcheck_check_status{check="db",status="warn"} 1',
      'probe_pongcheck_check_reason{check="event-loop",reason="loop-blocked"} 1',
      'probe_pongcheck_check_reason{check="db",reason="lag"} 1',
    ]);
  });

  it('prints the log of the probe with debug=true', async () => {
    const { address, get } = await prober();
    const { type, text } = await get(`target=${address}&module=line&debug=true`);
    expect(type).toBe('text/plain; charset=utf-8');
    expect(text).toMatch(/^The probe failed: unhealthy\.\n\nLog:\n.*connected to 127\.0\.0\.1.*\n\nMetrics:\n/s);
  });

  it.each(['', '&debug=true'])('escapes control characters of a hostile target (%j)', async (debug) => {
    const name = 'db\u001b[2J\u009b31m\u202e\r\u0000';
    const body = JSON.stringify({
      state: 'fail\u001b[2J',
      checks: { [name]: [{ state: 'fail', reason: '\u001b[1m' }] },
    });
    const answers: Record<string, string> = {
      http: `HTTP/1.1 503 x\r\nContent-Type: a\u001b[2Jb\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      healthy: `HTTP/1.1 200 x\r\nConnection: close\r\n\r\n${body.replace('fail\\u001b[2J', 'pass')}`,
      line: `pong fail ${name.replace('\r', '')}=refused\n`,
      nonsense: `\u001b[2J\u009b\n`,
      pongcheck: '\u001b[2J\u009b\r\n',
    };
    for (const [kind, text] of Object.entries(answers)) {
      const target = createServer((socket) =>
        socket
          .on('error', () => {})
          .end(text)
          .resume(),
      ).listen(0, '127.0.0.1');
      await once(target, 'listening');
      const module = { healthy: 'http', nonsense: 'line' }[kind] ?? kind;
      const { get } = await prober();
      const answer = await get(`target=127.0.0.1:${(target.address() as AddressInfo).port}&module=${module}${debug}`);
      target.close();
      expect([kind, answer.status]).toEqual([kind, 200]);
      expect(answer.text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      if (kind === 'healthy')
        expect(answer.text).toContain('check="db\\\\u{1b}[2J\\\\u{9b}31m\\\\u{202e}\\\\u{d}\\\\u{0}"');
    }
  });

  it.each([
    ['', 400, /^invalid query; expected one target=HOST:PORT/],
    ['target=127.0.0.1', 403, /./],
    ['target=127.0.0.1:1&target=127.0.0.1:2', 400, /^invalid query; expected one target=HOST:PORT/],
    ['target=127.0.0.1:0', 400, /^invalid target; expected HOST:PORT/],
    ['target=http://127.0.0.1:1', 400, /^invalid target; expected HOST:PORT/],
    ['target=127.0.0.1:1&module=no', 400, /available modules: pongcheck, line, http, tcp$/],
    ['target=127.0.0.1:1&module=__proto__', 400, /unknown module/],
    ['target=192.0.2.1:7464', 403, /not allowed by probe\.targets/],
  ])('answers %j with %d', async (query, status, description) => {
    const { get } = await prober({ targets: ['127.0.0.1:1'] });
    const answer = await get(query);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.text) as { error: string }).error).toMatch(description);
  });

  it('ends half a second before the scrape timeout', async () => {
    const { get } = await prober({
      modules: { slow: { prober: 'tcp', timeout: 60_000 } },
      targets: ['127.0.0.1:*', 'x.invalid:1'],
    });
    const { text } = await get('target=x.invalid:1&module=slow&debug=true', {
      'x-prometheus-scrape-timeout-seconds': '2.5',
    });
    expect(text).toContain('timeout 2000 ms');
  });

  it('accepts a scrape timeout with a fraction of a millisecond', async () => {
    const { address, get } = await prober();
    // 1.1 * 1000 is 1100.0000000000002.
    const { text } = await get(`target=${address}&module=pongcheck&debug=true`, {
      'x-prometheus-scrape-timeout-seconds': '1.1',
    });
    expect(text).toMatch(/timeout 600 ms.*PONG fail after/s);
  });

  it('refuses probes above its limit immediately, and continues afterwards', async () => {
    const { address, get } = await prober({
      maxConcurrent: 1,
      modules: { live: { prober: 'pongcheck', scope: 'liveness' } },
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(`target=${address}&module=live`)));
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 503]));
    expect((await get(`target=${address}&module=live`)).text).toContain('probe_success 1');
  });

  it('ends the probes of a disconnected client, including pipelined ones', async () => {
    const target = createServer().listen(0, '127.0.0.1');
    await once(target, 'listening');
    const open = new Set<Socket>();
    target.on('connection', (socket) => {
      open.add(socket.resume());
      socket.on('error', () => {}).on('close', () => open.delete(socket));
    });
    const { httpAddress } = await start({
      listen: [],
      probe: {
        targets: ['127.0.0.1:*'],
        maxConcurrent: 3,
        modules: { slow: { prober: 'pongcheck', timeout: 60_000 } },
      },
    });
    const path = `/probe?target=127.0.0.1:${(target.address() as AddressInfo).port}&module=slow`;
    const client = connect(Number(new URL(httpAddress as string).port), '127.0.0.1');
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(3));
    await until(() => open.size === 3);
    expect((await fetch(httpAddress + path)).status).toBe(503);
    client.destroy();
    await until(() => open.size === 0);
    target.on('connection', (socket) => socket.destroy());
    expect((await fetch(httpAddress + path)).status).toBe(200);
    target.close();
  });

  it('connects to no target for a client that is disconnected for pipelining', async () => {
    let connections = 0;
    const target = createServer((socket) => {
      connections++;
      socket
        .on('error', () => {})
        .resume()
        .end('pong pass\n');
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { httpAddress } = await start({ listen: [], probe: { targets: ['127.0.0.1:*'] } });
    const path = `/probe?target=127.0.0.1:${(target.address() as AddressInfo).port}&module=line`;
    const client = connect(Number(new URL(httpAddress as string).port), '127.0.0.1').on('error', () => {});
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(12));
    await whenClosed(client);
    expect((await fetch(httpAddress + path)).status).toBe(200);
    target.close();
    expect(connections).toBe(1);
  });

  it('does not exist without targets', async () => {
    const { httpAddress } = await start({});
    expect((await fetch(`${httpAddress}/probe?target=127.0.0.1:1`)).status).toBe(404);
  });
});
