import { afterAll, describe, expect, it } from '@jest/globals';
import { Command } from './command.js';
import { ScriptedResponder } from './scripted-responder.js';

const opened: ScriptedResponder[] = [];
afterAll(async () => {
  for (const responder of opened) await responder.stop();
});

async function explained(code: number, report: unknown, flags: readonly string[] = []) {
  const responder = await ScriptedResponder.start((ping) => ping.pong(code, report));
  opened.push(responder);
  return new Command(['explain', responder.address, ...flags]).ended();
}

const report = {
  state: 'fail',
  instance: 'me',
  serviceId: 'shop\u001b[2J',
  time: '2026-11-21T02:20:00.000Z',
  causes: [{ instance: 'c', service: 'stock', via: ['c'], check: 'redis', reason: 'timeout', output: 'no answer' }],
  checks: { orders: [{ state: 'fail', reason: 'dependency', since: '2026-11-21T02:15:00.000Z' }] },
};

describe('pongcheck explain', () => {
  it('prints the reasons in words, escaped for terminals', async () => {
    const { code, stdout } = await explained(3, report);
    expect(code).toBe(1);
    const [headline, since, ...lines] = stdout.trimEnd().split('\n');
    expect(headline).toBe('shop\\u{1b}[2J is not ready.');
    expect(since).toMatch(/^- Since 2026-11-21 02:15:00 UTC, .* ago\.$/);
    expect(lines).toEqual([
      '- Root cause: redis of stock does not pass (timeout: no answer). Seen through orders.',
      '- Last change: orders changed to fail at 2026-11-21 02:15:00 UTC, 5 min ago.',
    ]);
  });

  it('prints one object with --json', async () => {
    const { stdout } = await explained(3, report, ['--json']);
    expect(JSON.parse(stdout)).toEqual({
      address: expect.any(String),
      status: 'fail',
      headline: 'shop\u001b[2J is not ready.',
      since: '2026-11-21T02:15:00.000Z',
      causes: [
        {
          text: 'redis of stock does not pass (timeout: no answer).',
          path: ['shop\u001b[2J', 'orders', 'stock', 'redis'],
          checks: ['orders'],
          state: 'fail',
        },
      ],
      degraded: [],
      notes: ['Last change: orders changed to fail at 2026-11-21 02:15:00 UTC, 5 min ago.'],
    });
  });

  it('reports that details are hidden', async () => {
    const { code, stdout } = await explained(1, undefined);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/ is pass\.\n- Details are hidden from this client\.\n$/),
    ]);
  });

  it('reports that nothing is known without a responder', async () => {
    const { code, stdout } = await new Command(['explain', '127.0.0.1:1']).ended();
    expect([code, stdout]).toEqual([2, expect.stringMatching(/^No answer from 127\.0\.0\.1:1.*\n- .*refused/)]);
  });

  it('refuses --check with --group', async () => {
    const { code, stderr } = await new Command(['explain', '--check', 'a', '--group', 'b']).ended();
    expect([code, stderr]).toEqual([64, expect.stringContaining('--check and --group cannot be given together')]);
  });
});
