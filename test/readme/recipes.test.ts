import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { type Asking, ask } from '../http/asking.js';
import { recipeFolder, recipes } from './recipes.js';

/** Makes a recipe listen on any port instead of 3000, and prints that port. */
const anyPort = `data:text/javascript,${encodeURIComponent(`
import { Server } from 'node:net';
const { listen } = Server.prototype;
Server.prototype.listen = function (first, ...rest) {
  const port = first?.port ?? first;
  if (port === 3000) this.once('listening', () => console.log('port ' + this.address().port));
  return listen.call(this, { port: 0, host: '127.0.0.1' }, ...rest.filter((one) => typeof one === 'function'));
};
`)}`;

let folder: string;
const programs: ChildProcess[] = [];

async function start(name: string): Promise<string> {
  writeFileSync(join(folder, `${name}.mjs`), recipes[name] as string);
  const args = ['--import', anyPort, `${name}.mjs`];
  const program = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  programs.push(program);
  for await (const line of createInterface({ input: program.stdout })) {
    const [, port] = /^port (\d+)$/.exec(line) ?? [];
    if (port) return `http://127.0.0.1:${port}`;
  }
  throw new Error('the program has ended');
}

beforeAll(() => {
  folder = recipeFolder(compiledPackage());
}, 60_000);

afterAll(async () => {
  for (const program of programs) {
    program.kill();
    if (program.exitCode === null && program.signalCode === null) await once(program, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

describe('a recipe of docs/embed.md', () => {
  it('exists for each framework', () => {
    expect(Object.keys(recipes)).toEqual(['express', 'fastify', 'koa', 'nest', 'node']);
  });

  it.each(Object.keys(recipes))('works: %s', async (name) => {
    const url = await start(name);
    const get = (path: string, asking?: Asking) => ask(url + path, asking);
    expect(await get('/internal/readyz')).toMatchObject({ status: 200, json: { state: 'pass' } });
    expect(await get('/internal/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    expect((await get('/internal/health?check=own')).json.checks.own[0].state).toBe('pass');
    expect((await get('/internal/health?check=nothing')).status).toBe(404);
    expect((await get('/internal/metrics')).text).toContain('pongcheck_check_status{check="own"');
    const { status, headers } = await get('/internal');
    expect([status, headers.location]).toEqual([308, './internal/']);
    expect((await get('/internal/')).text).toContain('data-events="status/events"');
    const posted = await get('/internal/readyz', { method: 'POST' });
    // Fastify has no such route, so Fastify itself responds.
    expect([posted.status, posted.headers.allow]).toEqual(name === 'fastify' ? [404, undefined] : [405, 'GET, HEAD']);
    for (const path of ['/', '/readyz', '/internalx', '/internal/nowhere']) {
      const { status, text, json } = await get(path);
      expect([path, status]).toEqual([path, name === 'node' ? 200 : 404]);
      if (name === 'node') expect(text).toBe('every other path');
      // The Koa recipe passes everything under its prefix to the handler.
      else expect(json?.error === 'not found').toBe(name === 'koa' && path.startsWith('/internal/'));
    }
  });
});
