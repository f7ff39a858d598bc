import zlib from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type HttpOptions, httpCheck } from '../../src/checks/http/index.js';
import { packageVersion } from '../../src/common/version.js';
import { HttpService } from '../live/http-service.js';
import { runCheck } from '../live/run-check.js';

const { zstdCompressSync } = zlib as unknown as { zstdCompressSync?: (bytes: Buffer) => Buffer };

describe('the body of a response', () => {
  let service: HttpService;
  beforeEach(async () => {
    service = await HttpService.start();
  });
  afterEach(() => service.stop());

  const run = async (options: Partial<HttpOptions>) => {
    const definition = httpCheck({ url: service.url(), timeout: 5000, ...options });
    const outcome = await runCheck(definition);
    await definition.close?.();
    return outcome;
  };
  const answer = (body: Buffer, headers: Record<string, string>) => {
    service.mode = (_, response) => response.writeHead(200, headers).end(body);
  };
  const ready = Buffer.from('i am ready');

  it.each<[string, Buffer]>([
    ['gzip', zlib.gzipSync(ready)],
    ['GZIP', zlib.gzipSync(ready)],
    ['x-gzip', zlib.gzipSync(ready)],
    ['deflate', zlib.deflateSync(ready)],
    ['deflate', zlib.deflateRawSync(ready)],
    ['br', zlib.brotliCompressSync(ready)],
    ['identity', ready],
    ['', ready],
    ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(ready))],
    ['deflate,identity , gzip', zlib.gzipSync(zlib.deflateSync(ready))],
    ['gzip, gzip, gzip, gzip', [1, 2, 3, 4].reduce((bytes) => zlib.gzipSync(bytes), ready)],
  ])('is decoded if its coding is %j', async (coding, body) => {
    answer(body, { 'content-encoding': coding });
    expect(await run({ expectBody: '/^i am ready$/' })).toMatchObject({ status: 'pass' });
    expect(await run({ expectBody: 'i am not' })).toMatchObject({ status: 'fail', reason: 'bad-body' });
  });

  (zstdCompressSync ? it : it.skip)('is decoded if its coding is "zstd" and Node supports it', async () => {
    answer(zstdCompressSync?.(ready) as Buffer, { 'content-encoding': 'zstd' });
    expect(await run({ expectBody: '/^i am ready$/' })).toMatchObject({ status: 'pass' });
  });

  it.each<[string, string, Buffer]>([
    ['gzip', 'the body is not valid gzip', ready],
    ['gzip', 'the body is not valid gzip', zlib.gzipSync(ready).subarray(0, -9)],
    ['br', 'the body is not valid br', ready],
    ['deflate', 'the body is not valid deflate', Buffer.from([0xff])],
    ['rot13', 'the content coding rot13 is not supported', ready],
    ['__proto__', 'the content coding __proto__ is not supported', ready],
    ['gzip, gzip, gzip, gzip, gzip', 'the body has 5 codings; at most 4 are supported', ready],
  ])('with the coding %j fails with %j, unless it is not used', async (coding, output, body) => {
    answer(body, { 'content-encoding': coding });
    expect(await run({ expectBody: 'ready' })).toMatchObject({ status: 'fail', reason: 'bad-body', output });
    expect(await run({})).toMatchObject({ status: 'pass' });
  });

  it('is not decoded if it is empty', async () => {
    answer(Buffer.alloc(0), { 'content-encoding': 'gzip' });
    expect(await run({ expectBody: '/^$/' })).toMatchObject({ status: 'pass' });
    answer(zlib.gzipSync(ready), { 'content-encoding': 'gzip' });
    expect(await run({ expectBody: '/^$/', method: 'HEAD' })).toMatchObject({ status: 'pass' });
  });

  it('is decoded up to its limit, and no further', async () => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919 + (at >> 3)) & 0x7f));
    for (const [coding, code] of [
      ['gzip', zlib.gzipSync],
      ['br', zlib.brotliCompressSync],
      ['deflate', zlib.deflateRawSync],
    ] as const) {
      answer(code(bytes), { 'content-encoding': coding });
      expect(await run({ expectBody: /^/, maxBody: 5000 })).toMatchObject({ status: 'pass' });
      const tooLong = { status: 'fail', reason: 'bad-body', output: 'the body is longer than 4999 bytes' };
      expect(await run({ expectBody: /^/, maxBody: 4999 })).toMatchObject(tooLong);
    }
  });

  it('may be slightly longer than its limit if its coding cannot compress it', async () => {
    answer(zlib.gzipSync(ready, { level: 0 }), { 'content-encoding': 'gzip' });
    expect(await run({ expectBody: 'ready', maxBody: ready.length })).toMatchObject({ status: 'pass' });
  });

  it.each(['gzip', 'gzip, gzip', 'br, deflate, gzip'])(
    'that would decode without end is stopped at its limit by %s',
    async (coding) => {
      // The output of the first step is not valid input for the next one, which is not reached.
      answer(zlib.gzipSync(Buffer.alloc(1 << 25)), { 'content-encoding': coding });
      const output = 'the body is longer than 65536 bytes';
      expect(await run({ expectBody: 'x' })).toMatchObject({ status: 'fail', reason: 'bad-body', output });
    },
  );

  it.each<[string, string | undefined, Buffer]>([
    ['in UTF-8', 'text/plain; charset=utf-8', Buffer.from('grün')],
    ['in UTF-8 without a charset', undefined, Buffer.from('grün')],
    ['in UTF-8 with its mark', 'text/plain', Buffer.from('\ufeffgrün')],
    ['in Latin 1', 'text/html; charset=ISO-8859-1', Buffer.from('grün', 'latin1')],
    ['in Latin 1, quoted', 'text/html; a=b; Charset = "windows-1252"', Buffer.from('grün', 'latin1')],
    ['in UTF-16', 'text/plain; charset=utf-16le', Buffer.from('grün', 'utf16le')],
    ['in UTF-16 by its mark', 'text/plain; charset=utf-8', Buffer.from('\ufeffgrün', 'utf16le')],
    ['in UTF-16 by its mark, high first', 'text/plain', Buffer.from('\ufeffgrün', 'utf16le').swap16()],
    ['in an unknown charset', 'text/plain; charset=klingon', Buffer.from('grün')],
    ['in a charset that must not be', 'text/plain; charset=replacement', Buffer.from('grün')],
  ])('is decoded as text %s', async (_what, type, body) => {
    answer(zlib.gzipSync(body), { 'content-encoding': 'gzip', ...(type && { 'content-type': type }) });
    expect(await run({ expectBody: '/^grün$/' })).toMatchObject({ status: 'pass' });
  });

  it('is requested without a coding unless the headers name one', async () => {
    let received: Record<string, unknown> = {};
    service.mode = (request, response) => {
      received = request.headers;
      response.end();
    };
    await run({});
    expect(received).toMatchObject({ 'user-agent': `pongcheck/${packageVersion()}`, 'accept-encoding': 'identity' });
    await run({ headers: { 'User-Agent': 'probe/1', 'Accept-Encoding': 'gzip' } });
    expect(received).toMatchObject({ 'user-agent': 'probe/1', 'accept-encoding': 'gzip' });
  });
});
