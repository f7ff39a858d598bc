import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HealthImplementation } from 'grpc-health-check';
import { type GrpcCheckOptions, grpcCheck } from '../../src/checks/grpc/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import type { FakeClock } from '../fake-clock.js';
import { Authority } from '../live/certificate.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';
import { connectionTimes, spreadTimes } from './connection-times.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(server: Server, port = 0, credentials = ServerCredentials.createInsecure()): Promise<number> {
  closing.push(() => server.forceShutdown());
  return promisify(server.bindAsync.bind(server))(`127.0.0.1:${port}`, credentials);
}

function healthServer() {
  const health = new HealthImplementation({ '': 'SERVING', down: 'NOT_SERVING', unsure: 'UNKNOWN' });
  const server = new Server();
  health.addToServer(server);
  return { server, health };
}

function check(port: number, options: Partial<GrpcCheckOptions> = {}, clock?: FakeClock): CheckDefinition {
  const made = grpcCheck({ url: `grpc://127.0.0.1:${port}`, timeout: 2000, ...options }, clock);
  closing.push(() => made.close?.());
  return made;
}

const passed = { status: 'pass', observedValue: 'SERVING', observedUnit: 'status' };

describe('the grpc check', () => {
  it('reports the status of the server, and of a service', async () => {
    const { server, health } = healthServer();
    const port = await serve(server);
    const trial = check(port);
    expect(await runCheck(trial)).toMatchObject(passed);
    health.setStatus('', 'NOT_SERVING');
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'dependency', observedValue: 'NOT_SERVING' });
    health.setStatus('', 'SERVING');
    expect(await runCheck(trial)).toMatchObject(passed);
    expect(await runCheck(check(port, { service: 'down' }))).toMatchObject({ status: 'fail', reason: 'dependency' });
    expect(await runCheck(check(port, { service: 'unsure' }))).toMatchObject({ status: 'unknown' });
    expect(await runCheck(check(port, { service: 'missing' }))).toMatchObject({
      status: 'fail',
      reason: 'protocol',
      output: expect.stringMatching(/^gRPC status 5: /),
    });
  });

  it('makes a new connection every 10 s, at another time than other checks', async () => {
    const proxy = await TcpProxy.start({ to: await serve(healthServer().server) });
    closing.push(() => proxy.stop());
    const make = (clock: FakeClock) => {
      // grpc-js compares deadlines with the system time.
      clock.wallOffset = Date.now() + 60_000;
      return check(proxy.port, {}, clock);
    };
    expect(await connectionTimes(make, proxy)).toEqual(spreadTimes);
  });

  it('fails with refused while nothing listens, and passes after a restart', async () => {
    const first = healthServer();
    const port = await serve(first.server);
    const trial = check(port);
    expect(await runCheck(trial)).toMatchObject(passed);
    first.server.forceShutdown();
    expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'refused' });
    await serve(healthServer().server, port);
    expect(await runCheck(trial)).toMatchObject(passed);
  });

  it('fails with timeout over a dead connection, and connects again', async () => {
    const proxy = await TcpProxy.start({ to: await serve(healthServer().server) });
    closing.push(() => proxy.stop());
    const trial = check(proxy.port, { timeout: 500 });
    expect(await runCheck(trial)).toMatchObject(passed);
    proxy.cut();
    expect(await runCheck(trial)).toMatchObject(passed);
    proxy.freeze();
    for (let run = 0; run < 2; run++)
      expect(await runCheck(trial)).toMatchObject({ status: 'fail', reason: 'timeout' });
    proxy.thaw();
    expect(await runCheck(trial)).toMatchObject(passed);
  });

  it('fails with protocol without the health service, and with auth if access is denied', async () => {
    const port = await serve(new Server());
    expect(await runCheck(check(port))).toMatchObject({ status: 'fail', reason: 'protocol' });
    const denying = new Server();
    const identity = (bytes: Buffer) => bytes;
    denying.addService(
      {
        check: {
          path: '/grpc.health.v1.Health/Check',
          requestStream: false,
          responseStream: false,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity,
        },
      },
      {
        check: (_call: unknown, answer: (error: object) => void) =>
          answer({ code: status.UNAUTHENTICATED, details: 'who?' }),
      },
    );
    expect(await runCheck(check(await serve(denying)))).toMatchObject({ status: 'fail', reason: 'auth' });
  });

  it('verifies the certificate over TLS', async () => {
    const authority = new Authority();
    closing.push(() => authority.remove());
    const { cert, key } = authority.issue();
    const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
    const port = await serve(healthServer().server, 0, ServerCredentials.createSsl(null, [pair]));
    const url = `grpcs://127.0.0.1:${port}`;
    const { ca } = authority;
    expect(await runCheck(check(port, { url, tls: { ca } }))).toMatchObject(passed);
    for (const servername of ['localhost', '127.0.0.1']) {
      expect(await runCheck(check(port, { url, tls: { ca, servername } }))).toMatchObject(passed);
    }
    const named = `grpcs://localhost:${port}`;
    expect(await runCheck(check(port, { url: named, tls: { ca } }))).toMatchObject(passed);
    expect(await runCheck(check(port, { url, tls: { verify: false } }))).toMatchObject(passed);
    expect(await runCheck(check(port, { url }))).toMatchObject({ status: 'fail', reason: 'tls' });
    const other = { ca, servername: 'other.example' };
    expect(await runCheck(check(port, { url, tls: other }))).toMatchObject({ status: 'fail', reason: 'tls' });
  });

  it('fails with dns for an unknown name', async () => {
    const outcome = await runCheck(check(1, { url: 'grpc://no-such-host.invalid:1', timeout: 5000 }));
    expect(outcome).toMatchObject({ status: 'fail', reason: 'dns' });
  });

  it.each([
    [{ url: 'grpc://h' }, /a URL without a port/],
    [{ url: 'http://h:1' }, /a URL with the scheme "http"/],
    [{ url: 'grpc://me:hunter2@h:1' }, /a URL with credentials/],
    [{ url: 'grpc://h:1', tls: { verify: false } }, /tls is given without grpcs/],
  ])('refuses %j', (options, message) => {
    expect(() => grpcCheck(options)).toThrow(message);
    expect(() => grpcCheck(options)).not.toThrow(/hunter2/);
  });
});
