import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { Redis } from '../live/redis.js';
import { axeViolations, launchBrowser } from './browser.js';

const quick = { interval: 200, minInterval: 50, maxAge: 100, timeout: 400 };
const services: Service[] = [];
let server: Redis;
let browser: Browser;

/** A service whose HTTP port the browser visits. */
async function start(serviceId: string, checks: object, options: ServiceOptions = {}): Promise<Service> {
  const service = createService({
    serviceId,
    checks: { ...checks },
    listen: [{ url: 'pong://127.0.0.1:0' }],
    http: { port: 0 },
    ...options,
  });
  services.push(service);
  await service.start();
  return service;
}

const asking = (service: Service) => pingpongCheck({ url: service.addresses[0] as string, ...quick });

/** A page, with all its requests and error messages. */
async function visit(url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(url, { waitUntil: 'load' });
  return { page, complaints, asked, close: () => context.close() };
}

const state = (page: Page) => page.locator('#state h1').textContent();
const shows = (page: Page, text: RegExp) => page.locator('#state h1', { hasText: text }).waitFor({ timeout: 20_000 });
const items = (page: Page) => page.locator('#items > li h3').allTextContents();

beforeAll(async () => {
  server = await Redis.start();
  browser = await launchBrowser();
}, 60_000);

afterAll(async () => {
  await browser.close();
  for (const service of services.reverse()) await service.stop();
  await server.stop();
});

describe('the status page in a browser', () => {
  it('shows a change while it is open, with the root cause at the end of a chain, and requests nothing from other hosts', async () => {
    const C = await start('stock', { redis: redisCheck({ url: server.url(), ...quick }) });
    const B = await start('orders', { stock: asking(C) });
    const A = await start('shop', { orders: asking(B), disk: async () => {} });
    const url = A.httpAddress as string;
    const { page, complaints, asked, close } = await visit(url);
    await shows(page, /shop is ready/);
    const icon = await page.locator('#icon').getAttribute('href');
    await server.freeze();
    await shows(page, /shop is not ready/);
    expect(await page.locator('#why h2').textContent()).toBe('Root cause');
    expect(await page.locator('.causes p').first().textContent()).toMatch(/^redis of stock does not pass \(timeout: /);
    const chain = await page.locator('.chain li').allTextContents();
    expect([chain[0], chain[1], chain.at(-2), chain.at(-1)]).toEqual(['shop', 'orders', 'stock', 'redis']);
    expect(await items(page)).toEqual(['orders', 'disk']);
    expect(await page.title()).toBe('fail · shop');
    expect(await page.locator('#icon').getAttribute('href')).not.toBe(icon);
    server.thaw();
    await shows(page, /shop is ready/);
    expect(await page.locator('#log').textContent()).toMatch(/fail → .*pass/s);
    expect(await page.locator('#why').textContent()).toBe('');
    expect(complaints).toEqual([]);
    expect(asked.filter((one) => !one.startsWith('data:'))).toEqual([`${url}/`, `${url}/status/events`]);
    await close();
  }, 60_000);

  it('shows whether a failure is shared by other instances, and updates that', async () => {
    const works = { here: true, there: true };
    const db = (where: keyof typeof works, settings: object) => ({
      db: {
        kind: 'function',
        ...quick,
        ...settings,
        run: async () => ({ status: works[where] ? 'pass' : 'fail', reason: 'refused', output: 'nothing listens' }),
      },
    });
    const others = [await start('shop', db('there', {})), await start('shop', db('there', {}))];
    const from = others.flatMap(({ addresses }) => addresses);
    const A = await start('shop', db('here', { onShared: 'warn', fall: 3, maxAge: 10_000 }), { peers: { from } });
    const { page, complaints, close } = await visit(A.httpAddress as string);
    await shows(page, /shop is ready: all checks pass/);
    works.here = works.there = false;
    await shows(page, /shop is ready, but degraded/);
    expect(await page.locator('#why').textContent()).toMatch(
      /Degraded.*It fails at 2 of 2 peers too: the dependency has failed/,
    );
    expect(await page.locator('.check .reason').textContent()).toBe(
      'refused: nothing listens; shared: fails at 2 of 2 peers',
    );
    works.there = true;
    await shows(page, /shop is not ready/);
    expect(await page.locator('#why').textContent()).toMatch(
      /Root cause.*It works at [12] of 2 peers: this instance has failed/,
    );
    expect(complaints).toEqual([]);
    await close();
  }, 60_000);

  it('is as wide as a phone, and shows the first failing check on its first screen', async () => {
    const A = await start('shop', {
      ['x'.repeat(64)]: async () => {},
      ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`database-${i}`, async () => false])),
    });
    const { page, close } = await visit(A.httpAddress as string, { viewport: { width: 390, height: 844 } });
    await shows(page, /not ready/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const { y = 0, height = 0 } = (await page.locator('.check.fail .what').first().boundingBox()) ?? {};
    expect(y + height).toBeLessThanOrEqual(844);
    await close();
  });

  it('works without JavaScript, and reloads itself, even with a filter', async () => {
    const A = await start('shop', {
      db: { kind: 'function', groups: ['storage'], run: async () => ({ status: 'fail' }) },
      mail: async () => false,
    });
    const { page, close } = await visit(A.httpAddress as string, { javaScriptEnabled: false });
    expect(await state(page)).toMatch(/shop is not ready/);
    expect(await page.locator('time').first().getAttribute('data-ago')).toMatch(/^\d+ s$/);
    await page.getByRole('link', { name: 'storage' }).click();
    expect(await items(page)).toEqual(['db']);
    await page.waitForEvent('framenavigated', { timeout: 20_000 });
    expect(await items(page)).toEqual(['db']);
    expect(page.url()).toMatch(/\?group=storage$/);
    await page.getByRole('link', { name: 'All 2' }).click();
    expect(await items(page)).toEqual(['db', 'mail']);
    await close();
  }, 30_000);

  it('keeps its filter in updates', async () => {
    let works = true;
    const A = await start('shop', {
      db: { kind: 'function', ...quick, groups: ['storage'], run: async () => ({ status: works ? 'pass' : 'fail' }) },
      mail: { kind: 'function', ...quick, run: async () => ({ status: works ? 'pass' : 'fail' }) },
    });
    const { page, asked, close } = await visit(`${A.httpAddress}/?group=storage`);
    await page.locator('#live', { hasText: 'Live' }).waitFor();
    works = false;
    await page.locator('#item-db.fail').waitFor({ timeout: 20_000 });
    expect(await items(page)).toEqual(['db']);
    expect(asked).toContain(`${A.httpAddress}/status/events?group=storage`);
    await close();
  }, 30_000);

  it('shows that the connection is lost as soon as the stream has ended, and when it is back', async () => {
    const A = await start('shop', {});
    const { page, close } = await visit('about:blank');
    await page.clock.install();
    await page.goto(A.httpAddress as string);
    await page.locator('#live', { hasText: 'Live' }).waitFor();
    const icon = await page.locator('#icon').getAttribute('href');
    const { port } = new URL(A.httpAddress as string);
    // No time passes on the page, so the page cannot detect this by a lack of messages.
    await page.clock.pauseAt(new Date(Date.now() + 500));
    await A.stop();
    await page.locator('.lost').waitFor({ timeout: 20_000 });
    expect(await page.locator('#live').textContent()).toMatch(/^Connection lost at \d\d:\d\d:\d\d UTC\. /);
    expect(await page.title()).toBe('Connection lost · pass · shop');
    expect(await page.locator('#icon').getAttribute('href')).not.toBe(icon);
    await start('shop', { db: async () => {} }, { http: { port: Number(port) } });
    await page.clock.resume();
    await page.locator('#item-db').waitFor({ timeout: 20_000 });
    expect(await page.locator('#live').textContent()).toBe('Live');
    expect(await page.title()).toBe('pass · shop');
    expect(await page.locator('#icon').getAttribute('href')).toBe(icon);
    await close();
  }, 60_000);

  it('selects a minute of a bar with the keys and the pointer, and keeps focus and selection during updates', async () => {
    let works = true;
    const run = async () => ({ status: works ? 'pass' : 'fail' });
    const A = await start('shop', {
      mail: { kind: 'function', ...quick, run: async () => ({ status: 'pass' }) },
      db: { kind: 'function', ...quick, run },
    });
    const { page, close } = await visit(A.httpAddress as string);
    await page.locator('#live', { hasText: 'Live' }).waitFor();
    const bar = page.locator('#item-db .bar');
    const value = async () => [await bar.getAttribute('aria-valuenow'), await bar.getAttribute('aria-valuetext')];
    await bar.focus();
    expect((await value())[1]).toMatch(/^\d\d:\d\d UTC: pass(, \d+ runs?, mean [\d.]+ ms)?$/);
    await page.keyboard.press('ArrowLeft');
    const [now, text] = await value();
    expect(Number(now)).toBeLessThanOrEqual(59);
    expect(await page.locator('#item-db .minute').textContent()).toBe(text);
    works = false;
    await page.locator('#item-db.fail').waitFor({ timeout: 20_000 });
    expect(await items(page)).toEqual(['db', 'mail']);
    expect(await page.evaluate("document.activeElement.closest('li').id")).toBe('item-db');
    expect((await value())[1]?.slice(0, 9)).toBe(text?.slice(0, 9));
    await page.keyboard.press('Home');
    expect(await value()).toEqual(['1', expect.stringMatching(/ UTC: no data$/)]);
    await page.keyboard.press('Tab');
    expect(await page.evaluate("document.activeElement.closest('li').id")).toBe('item-mail');
    expect(await page.locator('#item-db .minute').textContent()).toBe('');
    const { width = 0 } = (await bar.boundingBox()) ?? {};
    await bar.hover({ position: { x: width - 2, y: 5 } });
    expect(await page.locator('#item-db .minute').textContent()).toMatch(/ UTC: fail/);
    await close();
  }, 60_000);

  it('is smaller than 400 KiB with 500 checks, and loads the bar of a row that is opened, which stays open', async () => {
    const checks = Object.fromEntries(
      Array.from({ length: 500 }, (_, i) => [`tenant-database-${i}`, async () => i !== 250]),
    );
    const A = await start('shop', checks);
    const url = A.httpAddress as string;
    expect((await (await fetch(url)).text()).length).toBeLessThan(400 * 1024);
    const { page, complaints, close } = await visit(url);
    await shows(page, /not ready/);
    expect((await items(page))[0]).toBe('tenant-database-250');
    expect(await page.locator('#items .bar').count()).toBe(1);
    const row = page.locator('#item-tenant-database-7');
    await row.locator('summary').click();
    await row.locator('.bar').waitFor({ timeout: 20_000 });
    const ran = await row.locator('.runs').textContent();
    // Each request runs the checks that have no interval.
    for (let text = ran; text === ran; text = await row.locator('.runs').textContent()) await fetch(url);
    expect(await row.locator('.bar').isVisible()).toBe(true);
    expect(complaints).toEqual([]);
    await close();
  }, 120_000);

  it('links to a single check with its bar, without JavaScript', async () => {
    const A = await start('shop', Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`c${i}`, async () => {}])));
    const { page, close } = await visit(A.httpAddress as string, { javaScriptEnabled: false });
    await page.locator('#item-c7 summary').click();
    await page.locator('#item-c7 a').click();
    expect(await items(page)).toEqual(['c7']);
    expect(await page.locator('#item-c7 .bar').count()).toBe(1);
    await close();
  }, 30_000);

  it.each([
    ['passes', 'light', false, true, true],
    ['passes', 'dark', true, true, true],
    ['fails', 'light', false, true, false],
    ['fails', 'dark', false, true, false],
    ['fails', 'dark', true, true, false],
    ['fails', 'light', true, false, false],
    ['fails without detail', 'light', false, true, false],
  ] as const)(
    'is accessible: it %s, the scheme is %s, on a phone: %s, with JavaScript: %s',
    async (what, colorScheme, isPhone, hasScript, works) => {
      const A = await start(
        'shop',
        {
          db: async () => works,
          mail: { kind: 'function', critical: false, run: async () => ({ status: works ? 'pass' : 'warn' }) },
          cache: async () => {},
        },
        what.endsWith('detail') ? { detail: 'never' } : {},
      );
      const viewport = isPhone ? { width: 390, height: 844 } : { width: 1280, height: 900 };
      const url = A.httpAddress as string;
      const { page, close } = await visit('about:blank', { colorScheme, viewport });
      if (!hasScript) {
        await page.route(`${url}/`, async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: (await response.text()).replace(/<script>.*<\/script>/s, '') });
        });
      }
      await page.goto(url);
      await shows(page, works ? /is ready/ : /not ready/);
      if (hasScript) await page.locator('#live', { hasText: 'Live' }).waitFor();
      await page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))");
      expect(await axeViolations(page)).toEqual([]);
      await close();
    },
    60_000,
  );
});
