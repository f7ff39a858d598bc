import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { MariaDb } from '../live/mariadb.js';
import { axeViolations, launchBrowser } from './browser.js';
import { Trial } from './trial.js';

const AFFECTED = 37;
const RESPONDERS = 40;
const closing: (() => unknown)[] = [];
let database: MariaDb;
let browser: Browser;
let responders: Service[];
let url: string;

async function start(options: ServiceOptions): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  closing.push(() => service.stop());
  await service.start();
  return service;
}

async function visit(path = '/fleet', options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url + path, { waitUntil: 'load' });
  return {
    page,
    complaints,
    says: (text: string) => page.locator('#state h1', { hasText: text }).waitFor({ timeout: 40_000 }),
    rows: () => page.locator('#items > li').count(),
    close: () => context.close(),
  };
}

beforeAll(async () => {
  database = await MariaDb.start();
  closing.push(() => database.stop());
  const db = () => mysqlCheck({ url: database.url(), interval: 1000 });
  responders = [];
  for (let n = 0; n < RESPONDERS; n++) {
    responders.push(
      await start({ serviceId: n < AFFECTED ? 'shop' : 'images', checks: n < AFFECTED ? { db: db() } : {} }),
    );
  }
  const from = responders.flatMap(({ addresses }) => addresses);
  const fleet = await start({
    listen: [],
    http: { port: 0 },
    fleet: { from, statusUrl: 'http://{host}:7664/' },
  });
  url = fleet.httpAddress as string;
  browser = await launchBrowser();
  closing.push(() => browser.close());
}, 120_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
}, 60_000);

describe('the page of a fleet of 40 in a browser', () => {
  it('reports that 37 fail, and the cause, while their database is frozen', async () => {
    const { page, says, rows, complaints, close } = await visit();
    await says('All 40 responders pass.');
    await database.freeze();
    await says('37 of 40 responders fail.');
    expect(await page.locator('#why li').allTextContents()).toEqual(['db=timeout at 37 of 40 responders']);
    const looks = await page.locator('#items > li').evaluateAll((items) => items.map(({ className }) => className));
    expect(looks).toEqual([
      ...Array(AFFECTED).fill('responder fail'),
      ...Array(RESPONDERS - AFFECTED).fill('responder pass'),
    ]);
    expect(await page.title()).toBe('37 of 40 responders fail · fleet');
    await page.getByRole('link', { name: 'pass 3' }).click();
    await page.waitForLoadState('load');
    expect([await rows(), await page.locator('#items small').first().textContent()]).toEqual([3, 'images']);
    database.thaw();
    await says('All 40 responders pass.');
    // Responders that pass again are added to the selected ones.
    await page
      .locator('#items > li')
      .nth(RESPONDERS - 1)
      .waitFor();
    expect(complaints).toEqual([]);
    await close();
  }, 120_000);

  it('follows a responder that is restarted', async () => {
    const last = responders.at(-1) as Service;
    const [address = ''] = last.addresses;
    const { page, says, close } = await visit();
    await says('All 40 responders pass.');
    await last.stop();
    await says('1 of 40 responders is unreachable.');
    await page.locator('#why li', { hasText: 'unreachable (refused the connection' }).waitFor();
    await start({ listen: [{ url: address }], serviceId: 'images' });
    await says('All 40 responders pass.');
    await close();
  }, 120_000);

  it.each([
    ['light', false, true, 'always'],
    ['dark', false, true, 'always'],
    ['light', true, true, 'always'],
    ['dark', true, false, 'always'],
    ['light', false, false, 'never'],
  ] as const)(
    'is accessible with the %s scheme, on a phone: %s, while the database works: %s, with detail: %s',
    async (colorScheme, isPhone, works, detail) => {
      if (!works) await database.freeze();
      const from = responders.slice(0, 3).flatMap(({ addresses }) => addresses);
      const service = await start({
        listen: [],
        http: { port: 0 },
        detail,
        fleet: { from: [...from, '127.0.0.1:1'], statusUrl: 'http://{host}:7664/' },
      });
      const viewport = isPhone ? { width: 390, height: 844 } : { width: 1280, height: 900 };
      const context = await browser.newContext({ colorScheme, viewport });
      const page = await context.newPage();
      await page.goto(`${service.httpAddress}/fleet`);
      const text = works ? '1 of 4 responders is unreachable.' : '3 of 4 responders fail, 1 is unreachable.';
      await page.locator('#state h1', { hasText: text }).waitFor({ timeout: 40_000 });
      await page.locator('#live', { hasText: 'Live' }).waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
      expect(await axeViolations(page)).toEqual([]);
      if (!works) database.thaw();
      await context.close();
      await service.stop();
    },
    120_000,
  );

  it('works without JavaScript, and with more responders than can have a full bar', async () => {
    const many = Array.from({ length: 60 }, (_, n) => `127.9.0.${n}:1`);
    const service = await start({ listen: [], http: { port: 0 }, fleet: { from: many } });
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${service.httpAddress}/fleet`);
    await page.locator('#state h1', { hasText: '60 of 60 responders are unreachable.' }).waitFor({ timeout: 40_000 });
    expect(await page.locator('#items .coarse').count()).toBe(60);
    await context.close();
    const { page: live, close } = await visit();
    await live.goto(`${service.httpAddress}/fleet`);
    await live.locator('#live', { hasText: 'Live' }).waitFor();
    expect(await axeViolations(live)).toEqual([]);
    await close();
  }, 120_000);
});

describe('a responder process', () => {
  it('is unreachable when it is killed', async () => {
    const trial = new Trial();
    closing.push(() => trial.close());
    const { program, ports } = await trial.server({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false });
    const address = `pong://127.0.0.1:${ports[0]}`;
    const service = await start({ listen: [], http: { port: 0 }, fleet: { from: [address] } });
    const json = async () => (await fetch(`${service.httpAddress}/fleet.json`)).json();
    const is = async (state: string) => {
      for (;;) {
        const [responder] = ((await json()) as { responders: { state: string; why?: string }[] }).responders;
        if (responder?.state === state) return responder;
      }
    };
    await is('pass');
    await program.kill();
    expect((await is('unreachable')).why).toMatch(/closed|reset|refused/);
  }, 60_000);
});
