import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../fake-clock.js';
import { serve as serveDirectly, turnsUntil } from './harness.js';
import { listening } from './listening.js';
import { frame, ping, pong } from './peer.js';
import { describeServed, type ServedOptions } from './scripted-service.js';

const id = 'a1a2a3a4a5a6a7a8';
const [token, before] = ['a-right-token-0123456789', 'the-one-before-98765432'] as [string, string];
const wrong = 'a-wrong-token-0123456789';
const hello = (shown?: string) => frame('05', id, shown === undefined ? {} : { token: shown });
const withDetail = ping(id, { flags: '01' });

const withTokens = { tokens: [token, before], detail: 'token' } satisfies ServedOptions;
const required: ServedOptions = { ...withTokens, listener: { requireToken: true } };

describeServed('a token in HELLO', (serve) => {
  it.each([token, before])('that is valid, such as %s, grants access to detail', async (shown) => {
    const { connect } = await serve(withTokens);
    const peer = await connect();
    peer.sendHex(withDetail);
    expect(await peer.frame()).toEqual({ type: '02', flags: '00', code: '01', id });
    peer.sendHex(hello(shown) + withDetail);
    expect((await peer.frame()).type).toBe('05');
    expect(await peer.frame()).toMatchObject({ type: '02', body: { state: 'pass' } });
  });

  it('that is invalid is refused, after earlier requests are answered', async () => {
    const { connect, stats } = await serve(withTokens);
    const peer = await connect();
    peer.sendHex(ping(id) + hello(wrong) + ping(id));
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    expect(await peer.frame()).toMatchObject({ type: '7f', flags: '01', code: '06', id });
    expect(await peer.untilEnd()).toHaveLength(0);
    peer.socket.destroy();
    await turnsUntil(() => stats.closed.unauthenticated === 1);
    expect(stats.errors[6]).toBe(1);
  });

  it('is ignored if no tokens are configured', async () => {
    const { connect } = await serve();
    const peer = await connect();
    peer.sendHex(hello(wrong));
    expect((await peer.frame()).type).toBe('05');
  });

  it('is not required for a status', async () => {
    const { connect } = await serve(withTokens);
    const peer = await connect();
    peer.sendHex(hello() + ping(id));
    expect((await peer.frame()).type).toBe('05');
    expect(await peer.hex(16)).toBe(pong(id, '01'));
  });
});

describe('a token in HELLO', () => {
  it('that is invalid is logged with a rate limit, and without the token', async () => {
    const clock = new FakeClock();
    const { log, descriptions, fields } = listening();
    const { connect } = await serveDirectly({ ...withTokens, log, clock });
    for (let i = 0; i < 3; i++) {
      const peer = await connect();
      peer.sendHex(hello(wrong));
      await peer.untilEnd();
    }
    await clock.advance(10_000);
    const peer = await connect();
    peer.sendHex(hello(wrong));
    await peer.untilEnd();
    expect(descriptions).toEqual(['invalid token', 'invalid token']);
    expect(fields).toMatchObject([{ peer: '127.0.0.1' }, { peer: '127.0.0.1', suppressed: 2 }]);
    expect(JSON.stringify(fields)).not.toContain(wrong);
  });
});

describeServed('a listener that requires a token', (serve) => {
  it.each([
    ['a bare PING', ping(id)],
    ['a PING with DETAIL', withDetail],
    ['a PING for liveness', ping(id, { scope: '01' })],
    ['a WATCH', frame('03', id)],
    ['a HELLO without one', hello()],
    ['a HELLO with a wrong one', hello(wrong)],
    ['a PING that came before its HELLO', ping(id) + hello(token)],
  ])('refuses %s', async (_what, octets) => {
    const { connect, stats } = await serve(required);
    const peer = await connect();
    peer.sendHex(octets);
    expect(await peer.frame()).toMatchObject({ type: '7f', flags: '01', code: '06', id });
    expect(await peer.untilEnd()).toHaveLength(0);
    expect(stats.pings.readiness.pass + stats.pings.liveness.pass).toBe(0);
  });

  it('answers everything after a HELLO with a valid token, in one write', async () => {
    const { connect } = await serve(required);
    const peer = await connect();
    peer.sendHex(hello(token) + ping(id) + withDetail);
    expect((await peer.frame()).type).toBe('05');
    expect(await peer.hex(16)).toBe(pong(id, '01'));
    expect(await peer.frame()).toMatchObject({ type: '02', body: { state: 'pass' } });
  });

  it('validates the body of a frame before the permission to send it', async () => {
    const { connect } = await serve(required);
    const peer = await connect();
    peer.sendHex(frame('01', id, { maxAgeMs: 'x' }));
    expect(await peer.frame()).toMatchObject({ type: '7f', code: '05' });
  });

  it.each(['ping\n', 'agent\n', 'GET / HTTP/1.1\r\n\r\n'])('closes line mode without an answer: %j', async (line) => {
    const { connect, service } = await serve(required);
    const peer = await connect();
    const closed = new Promise((resolve) => service.events.on('close', (_info, reason) => resolve(reason)));
    peer.send(line);
    expect(await peer.untilEnd()).toHaveLength(0);
    peer.socket.destroy();
    expect(await closed).toBe('unauthenticated');
  });
});
