import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { Redis } from '../live/redis.js';

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

/** A page, and all that it asked for and complained of. */
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

const state = (page: Page) => page.locator('#state').textContent();
const shows = (page: Page, text: RegExp) => page.locator('#state', { hasText: text }).waitFor({ timeout: 20_000 });

beforeAll(async () => {
  server = await Redis.start();
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
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
    const A = await start('shop', { orders: asking(B) });
    const url = A.httpAddress as string;
    const { page, complaints, asked, close } = await visit(url);
    await shows(page, /shop is ready/);
    await server.freeze();
    await shows(page, /shop is not ready/);
    expect(await page.locator('.chain .root').textContent()).toMatch(/Root cause redis of stock: timeout/);
    expect(await page.title()).toBe('fail · shop');
    server.thaw();
    await shows(page, /shop is ready/);
    expect(await page.locator('#log').textContent()).toMatch(/fail → .*pass/s);
    expect(complaints).toEqual([]);
    expect(asked).toEqual([`${url}/`, `${url}/status/events`]);
    await close();
  }, 60_000);

  it('says whether a failure is shared by other instances, and when that changes', async () => {
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
    expect(await page.locator('#why').textContent()).toMatch(/It fails at 2 of 2 peers too: the dependency has failed/);
    expect(await page.locator('#checks').textContent()).toMatch(
      /db.*fail.*refused: nothing listens; shared: fails at 2 of 2/s,
    );
    works.there = true;
    await shows(page, /shop is not ready/);
    expect(await page.locator('#why').textContent()).toMatch(/It works at [12] of 2 peers: this instance has failed/);
    expect(await page.locator('.chain .root').textContent()).toMatch(/local: works at [12] of 2 peers/);
    expect(complaints).toEqual([]);
    await close();
  }, 60_000);

  it('is as wide as a phone', async () => {
    const A = await start('shop', {
      ['x'.repeat(64)]: async () => {},
    });
    const { page, close } = await visit(A.httpAddress as string, { viewport: { width: 375, height: 700 } });
    await shows(page, /ready/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);
    await close();
  });

  it('works without JavaScript, and reloads itself', async () => {
    const A = await start('shop', { db: async () => false });
    const { page, close } = await visit(A.httpAddress as string, { javaScriptEnabled: false });
    expect(await state(page)).toMatch(/shop is not ready/);
    await page.waitForEvent('framenavigated', { timeout: 20_000 });
    expect(await state(page)).toMatch(/shop is not ready/);
    await close();
  }, 30_000);

  it('marks its content as outdated when the responder has stopped', async () => {
    const A = await start('shop', {});
    const { page, close } = await visit(A.httpAddress as string);
    await page.locator('#live', { hasText: 'Live.' }).waitFor();
    await A.stop();
    await page.locator('#live', { hasText: 'may be outdated' }).waitFor({ timeout: 20_000 });
    await close();
  }, 40_000);

  it.each(['light', 'dark'] as const)(
    'has names for what it shows, and contrast, where the scheme is %s',
    async (colorScheme) => {
      const A = await start('shop', { db: async () => false, cache: async () => {} });
      const { page, close } = await visit(A.httpAddress as string, { colorScheme });
      await shows(page, /not ready/);
      expect(await page.getByRole('status').textContent()).toMatch(/fail.*shop is not ready/s);
      expect(await page.getByRole('columnheader').first().textContent()).toBe('Check');
      expect(await page.getByRole('rowheader', { name: 'db' }).count()).toBe(1);
      const ratios = (await page.evaluate(contrasts)) as number[];
      expect(ratios.length).toBeGreaterThan(20);
      expect(Math.min(...ratios)).toBeGreaterThanOrEqual(4.5);
      await close();
    },
  );
});

/** The contrast of each text of the page with its ground (WCAG 2.2, 1.4.3). */
const contrasts = `(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const texts = [...document.querySelectorAll('body *')].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.tagName !== 'SCRIPT');
  return texts.map((e) => {
    const own = light(getComputedStyle(e).color);
    return (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
  });
})()`;
