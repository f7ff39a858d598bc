import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type HttpOptions, httpCheck } from '../../src/checks/http/index.js';
import type { TlsOptions } from '../../src/checks/shared/tls.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { makeCertificate } from '../live/certificate.js';
import { HttpService } from '../live/http-service.js';
import { runCheck } from '../live/run-check.js';

describe('an http check', () => {
  let service: HttpService;
  const open: CheckDefinition[] = [];
  const check = (options: Partial<HttpOptions> = {}) => {
    const definition = httpCheck({ url: service.url('/health'), timeout: 2000, ...options });
    open.push(definition);
    return definition;
  };

  beforeEach(async () => {
    service = await HttpService.start();
  });
  afterEach(async () => {
    for (const definition of open.splice(0)) await definition.close?.();
    await service.stop();
  });

  it('passes with the status as the observed value, on one connection for all runs', async () => {
    const definition = check();
    for (let run = 0; run < 5; run++) {
      expect(await runCheck(definition)).toMatchObject({ status: 'pass', observedValue: 200 });
    }
    expect(service.requests).toBe(5);
    expect(service.accepted).toBe(1);
  });

  it('reports the number of a bad status, and passes in the next run', async () => {
    const definition = check();
    service.mode = '503';
    expect(await runCheck(definition)).toMatchObject({
      status: 'fail',
      reason: 'bad-status',
      observedValue: 503,
      output: 'the status is 503, allowed: 200-299',
    });
    service.mode = 'ok';
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
  });

  it.each([
    ['503', true],
    ['200-299,500-503', true],
    ['500', false],
    ['504-599', false],
  ])('accepts the statuses %s', async (status, isWell) => {
    service.mode = '503';
    expect((await runCheck(check({ status }))).status).toBe(isWell ? 'pass' : 'fail');
  });

  it('ends at its timeout if the service hangs, keeps nothing, and passes in the next run', async () => {
    const definition = check({ timeout: 300 });
    service.mode = 'hang';
    expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'timeout' });
    service.mode = 'ok';
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    expect(service.accepted).toBe(2);
  });

  it('ends at its timeout if the body arrives byte by byte', async () => {
    service.mode = 'drip';
    expect(await runCheck(check({ timeout: 200 }))).toMatchObject({ status: 'fail', reason: 'timeout' });
  });

  it('reports a bad status without waiting for a slow body', async () => {
    service.mode = (_, response) => void response.writeHead(503, { 'content-length': 9 }).write('.');
    expect(await runCheck(check())).toMatchObject({ reason: 'bad-status', observedValue: 503 });
  });

  it('reports a connection that is closed in the middle of the body', async () => {
    const definition = check();
    service.mode = 'close-in-body';
    expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'reset' });
    service.mode = 'ok';
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
  });

  it('does not fail if the service has closed the kept connection', async () => {
    const definition = check();
    await runCheck(definition);
    // The connection is closed after the next request has been written, before its response.
    let closed = false;
    service.mode = (request, response) => {
      if (closed) return response.end('ok');
      closed = true;
      return request.socket.resetAndDestroy();
    };
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    expect(service.accepted).toBe(2);
  });

  it('does not retry if a new connection is reset', async () => {
    service.mode = (request) => request.socket.resetAndDestroy();
    expect(await runCheck(check())).toMatchObject({ status: 'fail', reason: 'reset' });
    expect(service.requests).toBe(1);
  });

  it('fails with refused if nothing listens, and passes when the service is back', async () => {
    const { port } = service;
    const definition = check();
    await runCheck(definition);
    await service.stop();
    expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'refused' });
    service = await HttpService.start({ port });
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
  });

  it('reads a body up to its limit and no further', async () => {
    let written = 0;
    service.mode = (_, response) => {
      response.once('close', () => clearInterval(timer));
      const timer = setInterval(() => {
        written += 1000;
        response.write('x'.repeat(1000));
      }, 1);
    };
    expect(await runCheck(check({ maxBody: 5000 }))).toMatchObject({
      status: 'fail',
      reason: 'bad-body',
      output: 'the body is longer than 5000 bytes',
    });
    expect(written).toBeGreaterThan(5000);
    service.mode = (_, response) => response.end('x'.repeat(65_536));
    expect(await runCheck(check())).toMatchObject({ status: 'pass' });
    service.mode = (_, response) => response.end('x'.repeat(65_537));
    expect(await runCheck(check())).toMatchObject({ status: 'fail', reason: 'bad-body' });
  });

  it.each([
    ['ready', 'pass'],
    [/READY/i, 'pass'],
    ['/^i am r.+y$/', 'pass'],
    ['Ready', 'fail'],
    ['/^ready/', 'fail'],
  ] as const)('matches the body against %s', async (expectBody, status) => {
    service.mode = (_, response) => response.end('i am ready');
    const trial = await runCheck(check({ expectBody }));
    expect(trial).toMatchObject(status === 'pass' ? { status } : { status, reason: 'bad-body', observedValue: 200 });
  });

  it('matches response headers', async () => {
    service.mode = (_, response) => response.writeHead(200, { 'x-role': 'primary' }).end();
    const withRole = (role: string | RegExp) => runCheck(check({ expectHeaders: { 'X-Role': role } }));
    expect(await withRole('primary')).toMatchObject({ status: 'pass' });
    expect(await withRole(/^prim/)).toMatchObject({ status: 'pass' });
    expect(await withRole('replica')).toMatchObject({ status: 'fail', reason: 'bad-body' });
    expect(await runCheck(check({ expectHeaders: { 'x-none': '/.*/' } }))).toMatchObject({
      status: 'fail',
      output: 'the header x-none is missing',
    });
  });

  it('follows redirects only if configured, up to the limit', async () => {
    service.mode = ({ url }, response) => {
      const left = Number(url?.slice(1));
      if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end();
      else response.end('arrived');
    };
    const ask = (redirects: number) => runCheck(check({ url: service.url('/2'), redirects, expectBody: 'arrived' }));
    expect(await ask(0)).toMatchObject({ status: 'fail', reason: 'bad-status', observedValue: 302 });
    expect(await ask(1)).toMatchObject({ status: 'fail', reason: 'bad-status', observedValue: 302 });
    expect(await ask(2)).toMatchObject({ status: 'pass', observedValue: 200 });
    expect(await runCheck(check({ url: service.url('/2'), redirects: 2, status: '302' }))).toMatchObject({
      observedValue: 302,
    });
  });

  it('sends secrets to the service, and not to another origin after a redirect', async () => {
    const other = await HttpService.start();
    const received: (string | undefined)[] = [];
    other.mode = (request, response) => {
      received.push(request.headers.authorization, request.headers['x-api-key'] as string, request.headers.accept);
      response.end();
    };
    service.mode = (request, response) => {
      received.push(request.headers.authorization, request.headers['x-api-key'] as string);
      response.writeHead(307, { location: other.url() }).end();
    };
    const url = new URL(service.url());
    url.username = 'me';
    url.password = 's3cret';
    const definition = check({ url: url.href, headers: { 'x-api-key': 'k3y', accept: 'text/plain' }, redirects: 1 });
    expect(await runCheck(definition)).toMatchObject({ status: 'pass' });
    expect(received).toEqual(['Basic bWU6czNjcmV0', 'k3y', undefined, undefined, 'text/plain']);
    expect(definition.secrets).toEqual(expect.arrayContaining(['s3cret', 'bWU6czNjcmV0', 'k3y']));
    await definition.close?.();
    await other.stop();
  });

  it('releases everything when it is closed', async () => {
    const definition = check();
    await runCheck(definition);
    expect(service.connections).toBe(1);
    await definition.close?.();
    while (service.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('an http check of another kind of server', () => {
  let server: Server;
  const answering = async (answer: string) => {
    server = createTcpServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(answer)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('fails with protocol for a response that is not HTTP', async () => {
    const definition = httpCheck({ url: `http://127.0.0.1:${await answering('220 mail ready\r\n')}/` });
    expect(await runCheck(definition)).toMatchObject({
      status: 'fail',
      reason: 'protocol',
      output: expect.stringMatching(/^Parse Error/),
    });
    await definition.close?.();
  });

  it('fails with tls on a port without TLS', async () => {
    const definition = httpCheck({ url: `https://127.0.0.1:${await answering('HTTP/1.1 400 Bad Request\r\n\r\n')}/` });
    expect(await runCheck(definition)).toMatchObject({ status: 'fail', reason: 'tls' });
    await definition.close?.();
  });
});

describe('an http check over TLS', () => {
  const certificate = makeCertificate();
  const { cert } = certificate;
  let service: HttpService;

  beforeAll(async () => {
    service = await HttpService.start({
      server: createServer({ key: readFileSync(certificate.key), cert: readFileSync(cert) }),
      scheme: 'https',
    });
  });
  afterAll(async () => {
    await service.stop();
    certificate.remove();
  });

  it.each([
    ['refuses a certificate of an unknown CA', {}, 'tls'],
    ['refuses one of another name', { known: true, servername: 'other' }, 'tls'],
    ['takes one of a given authority', { known: true, servername: 'localhost' }, undefined],
    ['accepts any with verify: false', { verify: false }, undefined],
  ])('%s', async (_sentence, { known, ...tls }: TlsOptions & { known?: boolean }, reason) => {
    const definition = httpCheck({ url: service.url(), tls: { ...tls, ...(known && { ca: cert }) } });
    const trial = await runCheck(definition);
    expect(trial).toMatchObject(reason ? { status: 'fail', reason } : { status: 'pass' });
    await definition.close?.();
  });
});

describe('options of an http check', () => {
  it.each([
    [{}, /url is missing/],
    [{ url: 'ftp://x' }, /scheme "ftp"/],
    [{ url: 'http://me:p%zz@x/' }, /password/],
    [{ url: 'http://x/', status: '20x' }, /status is "20x"; allowed: statuses and ranges/],
    [{ url: 'http://x/', status: '299-200' }, /status is "299-200"/],
    [{ url: 'http://x/', expectBody: '/(/' }, /expectBody is "\/\(\/"/],
    [{ url: 'http://x/', method: 'POST' }, /method is "POST"; allowed: one of GET, HEAD/],
    [{ url: 'http://x/', tls: { verify: false } }, /tls is given without https/],
    [{ url: 'https://x/', tls: { cert: 'c.pem' } }, /tls\.key is missing; allowed: cert and key together/],
    [{ url: 'http://x/', headers: { 'a b': 'hidden' } }, /headers is a map with an invalid header name or value/],
    [{ url: 'http://x/', maxBody: -1 }, /maxBody is -1/],
    [{ url: 'http://x/', statsu: '200' }, /statsu is not a known option/],
    [{ url: 'https://x/', tls: { ca: '/nowhere/ca.pem' } }, /tls.ca is a file that cannot be read/],
  ])('refuses %j', (options, message) => {
    const make = () => httpCheck(options as HttpOptions);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'PONGCHECK_CONFIG' }));
    expect(make).not.toThrow(/hidden|p%zz/);
  });
});
