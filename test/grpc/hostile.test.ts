import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { ServiceOptions } from '../../src/service/options.js';
import type { Service } from '../../src/service/service.js';
import { parseScrape, valueOf } from '../metrics/scrape.js';
import { opened, start as startPlain } from '../service/started.js';
import { HealthClient } from './client.js';

async function start(options: ServiceOptions = {}): Promise<Service> {
  return startPlain({ grpc: { port: 0 }, ...options });
}

/** An HTTP/2 connection. Its streams have a window of this many bytes. */
async function session(service: Service, initialWindowSize = 65_535): Promise<ClientHttp2Session> {
  const opening = connect(`http://${service.grpcAddress}`, { settings: { initialWindowSize } });
  opening.on('error', () => {});
  opened.push(() => opening.destroy());
  await once(opening, 'remoteSettings');
  return opening;
}

/** A gRPC message. If `compressed`, the content is compressed with gzip. */
function message(bytes: Buffer, compressed = false): Buffer {
  const content = compressed ? gzipSync(bytes) : bytes;
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function request(open: ClientHttp2Session, method: string, headers = {}): ClientHttp2Stream {
  const stream = open.request({
    ':method': 'POST',
    ':path': `/grpc.health.v1.Health/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  return stream;
}

const closed = (stream: ClientHttp2Stream) => new Promise<void>((resolve) => stream.on('close', resolve));

async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const metric = async (service: Service, name: string, labels = {}) =>
  valueOf(parseScrape(await service.register.metrics()), `pongcheck_grpc_${name}`, labels);
const isServing = async (service: Service) => {
  const client = new HealthClient(service.grpcAddress as string);
  opened.push(() => client.close());
  expect(await client.check('')).toBe('SERVING');
};

describe('a gRPC client', () => {
  it('that does not read a Watch has one waiting message, and then receives the latest status', async () => {
    const states = ['pass', 'fail', 'pass', 'fail', 'pass', 'fail'] as const;
    let next = 0;
    let isReady = false;
    const db = {
      kind: 'own',
      interval: 5,
      minInterval: 1,
      maxAge: 60_000,
      run: async () => ({ status: states[isReady ? Math.min(next++, states.length - 1) : 0] as 'pass' | 'fail' }),
    };
    const service = await start({ checks: { db } });
    await isServing(service);
    const open = await session(service, 0);
    const stream = request(open, 'Watch');
    const seen: Buffer[] = [];
    stream.on('data', (data: Buffer) => seen.push(data));
    stream.end(message(Buffer.alloc(0)));
    const sent = async (status: string) => metric(service, 'answers_total', { method: 'Watch', status });
    await until(async () => (await sent('SERVING')) === 1);
    isReady = true;
    await until(() => next > 8);
    expect([await sent('SERVING'), await sent('NOT_SERVING')]).toEqual([1, 0]);
    open.settings({ initialWindowSize: 65_535 });
    await until(() => Buffer.concat(seen).toString('hex') === '00000000020801' + '00000000020802');
    expect([await sent('SERVING'), await sent('NOT_SERVING')]).toEqual([1, 1]);
  });

  it('that does not read a Watch for limits.stallTimeout loses it', async () => {
    const service = await start({ limits: { stallTimeout: 50 } });
    const open = await session(service, 0);
    request(open, 'Watch').end(message(Buffer.alloc(0)));
    await until(async () => (await metric(service, 'answers_total', { method: 'Watch', status: 'SERVING' })) === 1);
    await until(async () => (await metric(service, 'watches')) === 0);
    await isServing(service);
  });

  it('that resets Watches while their requests are decompressed leaves none open', async () => {
    const service = await start();
    const open = await session(service);
    // A field that the decoder skips.
    const long = message(Buffer.concat([Buffer.from('12801f', 'hex'), Buffer.alloc(3968)]), true);
    const streams = Array.from({ length: 100 }, (_, index) => {
      const stream = request(open, 'Watch', { 'grpc-encoding': 'gzip' });
      let turns = index % 5;
      const reset = () => void (turns-- > 0 ? setImmediate(reset) : stream.close(8));
      stream.end(long, reset);
      return closed(stream);
    });
    await Promise.all(streams);
    await until(async () => (await metric(service, 'watches')) === 0);
    await isServing(service);
  });

  it.each([0, 1])(
    'receives NOT_SERVING at the start of a drain, and GOAWAY at its end, with %d threads',
    async (threads) => {
      const service = await start({ threads, drain: { grace: 200, delay: 200 } });
      const open = await session(service);
      const seen: Buffer[] = [];
      const watch = request(open, 'Watch');
      watch.on('data', (data: Buffer) => seen.push(data));
      watch.end(message(Buffer.alloc(0)));
      await until(() => seen.length === 1);
      const before = new Promise<string>((resolve) => {
        open.on('goaway', () => resolve(Buffer.concat(seen).toString('hex')));
      });
      const drained = service.drain();
      // The last status arrived on the open connection.
      expect(await before).toBe('00000000020801' + '00000000020802');
      await drained;
      expect(open.closed).toBe(true);
    },
  );

  it('that opens the maximum number of streams is answered on each', async () => {
    const service = await start({ checks: { db: async () => {} } });
    const open = await session(service);
    const { maxConcurrentStreams = 0 } = open.remoteSettings;
    expect(maxConcurrentStreams).toBe(100);
    const answers = Array.from({ length: maxConcurrentStreams }, async () => {
      const stream = request(open, 'Check');
      stream.end(message(Buffer.alloc(0)));
      const data: Buffer[] = [];
      for await (const part of stream) data.push(part);
      return Buffer.concat(data).toString('hex');
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['00000000020801']));
  });

  it('that sends another path or type, or huge headers, receives an error, and others are served', async () => {
    const service = await start();
    const open = await session(service);
    const status = async (headers: object) => {
      const stream = request(open, 'Check', headers);
      stream.end(message(Buffer.alloc(0)));
      const [answer] = await once(stream, 'response');
      return [answer[':status'], answer['grpc-status']];
    };
    expect(await status({ ':path': '/other.Service/Check' })).toEqual([200, '12']);
    expect(await status({ 'content-type': 'application/json' })).toEqual([415, undefined]);
    expect(await status({ 'grpc-timeout': 'soon' })).toEqual([200, '13']);
    const huge = request(
      open,
      'Check',
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${i}`, 'x'.repeat(2000)])),
    );
    huge.end();
    await closed(huge);
    await isServing(service);
  });
});
