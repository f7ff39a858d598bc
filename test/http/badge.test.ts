import { afterEach, describe, expect, it } from '@jest/globals';
import { type State, states } from '../../src/health/state.js';
import { badgeSvg } from '../../src/http/badge.js';
import { createService, type Service } from '../../src/service/service.js';
import { ask } from './asking.js';
import { closeAll, serve } from './served.js';

let service: Service | undefined;
afterEach(async () => {
  await closeAll();
  await service?.stop();
  service = undefined;
});

/** The texts shown in the image. */
const shown = (svg: string) => [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

describe('/badge.svg', () => {
  it.each(states.filter((state) => state !== 'not-found'))('shows %s with status 200', async (state) => {
    const { url, health } = await serve({ detail: 'never' });
    health.atOnce = state;
    const { status, headers, text } = await ask(`${url}/badge.svg`);
    expect([status, shown(text)]).toEqual([200, ['health', state]]);
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
  });

  it('shows a group, and nothing else about the service', async () => {
    service = createService({
      serviceId: 'secret-shop',
      listen: [],
      http: { port: 0 },
      detail: 'never',
      checks: {
        'secret-db': { kind: 'function', groups: ['jobs'], run: async () => ({ status: 'fail' }) },
        cache: async () => {},
      },
    });
    await service.start();
    const badge = (query: string) => ask(`${service?.httpAddress}/badge.svg${query}`);
    expect(shown((await badge('?group=jobs')).text)).toEqual(['jobs', 'fail']);
    expect(shown((await badge('?group=readiness&label=shop')).text)).toEqual(['shop', 'pass']);
    const unknown = await badge('?group=payments');
    expect([unknown.status, shown(unknown.text)]).toEqual([404, ['payments', 'not found']]);
    expect((await badge('?group=jobs')).text).not.toContain('secret');
    expect(await badge('?group=jobs&group=readiness')).toMatchObject({ status: 400 });
    expect(await badge('?label=a&label=b')).toMatchObject({ status: 400 });
  });

  it('starts no run while the results are fresh', async () => {
    let runs = 0;
    const run = async () => {
      runs++;
      return { status: 'pass' as const };
    };
    service = createService({
      listen: [],
      http: { port: 0 },
      checks: { db: { kind: 'function', interval: 0, maxAge: 3_600_000, run } },
    });
    await service.start();
    for (let n = 0; n < 20; n++) expect(shown((await ask(`${service.httpAddress}/badge.svg`)).text)[1]).toBe('pass');
    expect(runs).toBe(1);
  });
});

describe('the image', () => {
  it.each<[label: string, text: string]>([
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    ['"x" onload="', '&quot;x&quot; onload=&quot;'],
    ['a\u0000b\u202ec', 'a\\u{0}b\\u{202e}c'],
    ['x'.repeat(65), `${'x'.repeat(64)}…`],
  ])('escapes and shortens the label %j', (label, text) => {
    const svg = badgeSvg(label, 'pass');
    expect(shown(svg)).toEqual([text, 'pass']);
    expect(svg).toContain(`<title>${text}: pass</title>`);
    expect(svg).toContain(`aria-label="${text}: pass"`);
  });

  it.each(states)('has sufficient contrast for %s', (state: State) => {
    const [, fill = ''] = badgeSvg('a', state)
      .matchAll(/fill="#(\w{6})"/g)
      .next().value as RegExpExecArray;
    const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
      const value = Number.parseInt(fill.slice(at, at + 2), 16) / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    expect(1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)).toBeGreaterThanOrEqual(4.5);
  });

  it('is wider for a longer text', () => {
    const width = (label: string) => Number(/width="(\d+)"/.exec(badgeSvg(label, 'pass'))?.[1]);
    expect(width('shop')).toBeGreaterThan(width('s'));
    expect(width('店舗店舗')).toBeGreaterThan(width('shop'));
  });
});
