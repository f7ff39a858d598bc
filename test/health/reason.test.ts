import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { CheckFailure, reasonOf, statusOf } from '../../src/health/reason.js';

const coded = (code: string, more: object = {}) => Object.assign(new Error('x'), { code, ...more });

describe('the reason of an error', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ECONNRESET', 'reset'],
    ['EPIPE', 'reset'],
    ['UND_ERR_SOCKET', 'reset'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['EPROTO', 'tls'],
  ])('%s is %s', (code, reason) => {
    expect(reasonOf(coded(code))).toBe(reason);
  });

  it('is that of a CheckFailure, whose status is fail by default', () => {
    const failure = new CheckFailure('lag', 'replica is 9 s behind', { status: 'warn' });
    expect(reasonOf(failure)).toBe('lag');
    expect(failure.status).toBe('warn');
    expect(new CheckFailure('role', 'x').status).toBe('fail');
  });

  it.each([
    ['EMFILE', 'fd-exhausted'],
    ['ENFILE', 'fd-exhausted'],
    ['ENOBUFS', 'internal'],
    ['ENOMEM', 'internal'],
  ])('%s is %s, and not a failure of the dependency, even if it is wrapped', (code, reason) => {
    const own = coded(code);
    const errors = [own, new TypeError('x', { cause: own }), new AggregateError([coded('ECONNREFUSED'), own])];
    expect(errors.map((error) => [reasonOf(error), statusOf(error)])).toEqual(errors.map(() => [reason, 'unknown']));
    expect(new CheckFailure('fd-exhausted', 'x').status).toBe('unknown');
    expect(statusOf(coded('ECONNREFUSED'))).toBe('fail');
  });

  it('distinguishes exhausted local ports from an address that this machine does not have', () => {
    const dialled = (address: string) => coded('EADDRNOTAVAIL', { syscall: 'connect', address });
    expect([reasonOf(dialled('10.0.0.1')), statusOf(dialled('10.0.0.1'))]).toEqual(['internal', 'unknown']);
    expect([reasonOf(dialled('::1')), statusOf(dialled('::1'))]).toEqual(['unreachable', 'fail']);
  });

  it('is timeout for the error of an AbortSignal', () => {
    const controller = new AbortController();
    controller.abort();
    expect(reasonOf(controller.signal.reason)).toBe('timeout');
    expect(reasonOf(new DOMException('late', 'TimeoutError'))).toBe('timeout');
  });

  it('is found in the causes of an error', () => {
    expect(reasonOf(new TypeError('fetch failed', { cause: coded('ECONNREFUSED') }))).toBe('refused');
    expect(reasonOf(new Error('query', { cause: new CheckFailure('auth', 'no') }))).toBe('auth');
  });

  it('is that of the attempted addresses, and a missing route counts least', () => {
    const tried = (...codes: string[]) =>
      Object.assign(new AggregateError(codes.map((code) => coded(code))), { code: codes[0] });
    expect(reasonOf(tried('ECONNREFUSED', 'ECONNREFUSED'))).toBe('refused');
    expect(reasonOf(tried('ENETUNREACH', 'ECONNREFUSED'))).toBe('refused');
    expect(reasonOf(tried('ENETUNREACH', 'EHOSTUNREACH'))).toBe('unreachable');
    expect(reasonOf(new AggregateError([]), 'custom')).toBe('custom');
  });

  it('is refused for a missing Unix socket, and undefined for another missing file', () => {
    expect(reasonOf(coded('ENOENT', { syscall: 'connect' }))).toBe('refused');
    expect(reasonOf(coded('ENOENT', { syscall: 'open' }))).toBe('internal');
  });

  it('is the given default for an unknown error', () => {
    expect(reasonOf(new Error('x'))).toBe('internal');
    expect(reasonOf('thrown text', 'custom')).toBe('custom');
    expect(reasonOf(undefined, 'custom')).toBe('custom');
    expect(reasonOf(coded('constructor'), 'custom')).toBe('custom');
  });

  it('is found even if errors are causes of each other', () => {
    const a = new Error('a');
    a.cause = new Error('b', { cause: a });
    expect(reasonOf(a)).toBe('internal');
  });

  it('is correct for real sockets', async () => {
    const server = createServer((socket) => socket.resetAndDestroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.write('x'));
    expect(reasonOf(await new Promise((resolve) => socket.once('error', resolve)))).toBe('reset');
    server.close();
    await once(server, 'close');
    const refused = connect({ port, host: 'localhost' });
    expect(reasonOf(await new Promise((resolve) => refused.once('error', resolve)))).toBe('refused');
  });
});
