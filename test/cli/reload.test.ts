import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { frame, Peer } from '../server/peer.js';
import { whenClosed } from '../when-closed.js';
import { Command } from './command.js';

const id = 'a1a2a3a4a5a6a7a8';
const token = 'a-right-token-0123456789';

let folder: string;
let file: string;
let command: Command;
const opened: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-reload-'));
  file = join(folder, 'pongcheck.yml');
});
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
  await command?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const head = 'listen: [{ url: "pong://127.0.0.1:0" }]\nhttp: 127.0.0.1:0\n';
const write = (text: string, name = 'pongcheck.yml') => writeFileSync(join(folder, name), text);

async function serve(text: string, env: Record<string, string> = {}) {
  write(head + text);
  command = new Command(['serve', '--config', file], { env });
  await command.says(/"msg":"(?:no checks configured|checks: )[^\n]*\n/);
  const port = Number(/listening on pong:\/\/[^"]+:(\d+)/.exec(command.stdout)?.[1]);
  return { port, http: /"url":"([^"]+)"/.exec(command.stdout)?.[1] ?? '' };
}

/** Writes the file, sends SIGHUP, and returns the log lines up to the result. */
async function reload(text: string, until = /"msg":"configuration (?:not )?reloaded[^\n]*\n/): Promise<LogLine[]> {
  write(text.startsWith('!') ? text.slice(1) : head + text);
  const before = command.stdout.length;
  command.process.kill('SIGHUP');
  await command.says(new RegExp(`^[^]{${before},}?${until.source}`));
  return command.stdout
    .slice(before)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogLine);
}
interface LogLine {
  level: string;
  msg: string;
}
const told = (lines: LogLine[]) => lines.map(({ level, msg }) => `${level} ${msg}`);

async function peerAt(port: number): Promise<Peer> {
  const peer = await Peer.connect(port);
  opened.push(() => peer.socket.destroy());
  return peer;
}

const own = 'checks: { own: { kind: module, path: ./own.mjs } }\n';

describe('SIGHUP', () => {
  it('reloads checks, groups, thresholds, limits and the log level, and logs what changed and what needs a restart', async () => {
    write('export default () => true;\n', 'own.mjs');
    const { http } = await serve(own);
    const lines = await reload(
      '!listen: [{ url: "pong://127.0.0.1:1" }]\nhttp: 127.0.0.1:2\nlimits: { maxWatches: 5 }\n' +
        'checks: { own: { kind: module, path: ./own.mjs, fall: 2, groups: [readiness, mine] }, disk: { kind: disk, path: / } }\n',
      /"msg":"restart required[^\n]*\n/,
    );
    expect(told(lines).filter((line) => !line.includes('check disk:'))).toEqual([
      'info configuration reloaded: checks added: disk; checks changed: own; options changed: limits.maxWatches',
      'warn restart required for: listen[0].url, http.port',
    ]);
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(metrics).toMatch(/^pongcheck_check_info\{check="disk",kind="disk",critical="true"\} 1$/m);
    expect(metrics).toMatch(/^pongcheck_group_status\{group="mine",status="pass"\} 1$/m);
    const [line] = await reload('log: { level: debug }\n');
    expect(line?.msg).toBe(
      'configuration reloaded: checks removed: own, disk; options changed: limits.maxWatches, log.level',
    );
    // A rendering is reused for 250 ms.
    const scrape = async () => (await fetch(`${http}/metrics`)).text();
    while (/check="(?:disk|own)"/.test(await scrape()));
    expect(told(await reload('log: { level: debug }\n'))).toEqual(['info configuration reloaded: no changes']);
  });

  it.each([
    ['is not YAML', '!listen: [', ['pongcheck.yml:1:']],
    ['is empty, as while it is being written', '!', ['pongcheck.yml: is empty']],
    ['has only comments', '!# checks:\n', ['pongcheck.yml: is empty']],
    ['has unknown options', 'limts: {}\ndetial: never\n', ['pongcheck.yml:3: limts', 'pongcheck.yml:4: detial']],
    [
      'has invalid checks among others',
      'checks:\n  good: { kind: disk, path: / }\n  bad: { kind: module, path: ./nowhere.mjs }\n  worse: { kind: tcp, url: "tcp://127.0.0.1:3306" }\n',
      ['pongcheck.yml:5: checks.bad', 'pongcheck.yml:6: checks.worse'],
    ],
    ['refers to an unset variable', 'tokens: ["${NOBODY_SET_THIS}"]\n', ['NOBODY_SET_THIS']],
    ['has contradictory options', 'detail: token\n', ['tokens is empty']],
  ])('changes nothing if the file %s, and logs each issue with its line', async (_what, text, problems) => {
    write('export default () => true;\n', 'own.mjs');
    const { port, http } = await serve(own);
    const peer = await peerAt(port);
    peer.sendHex(frame('03', id));
    expect((await peer.frame()).code).toBe('01');
    const before = command.stdout.length;
    await reload(
      text,
      new RegExp(`"msg":"configuration not reloaded: [^\n]*${problems.at(-1)?.replaceAll('.', '\\.')}[^\n]*\n`),
    );
    const lines = told(
      command.stdout
        .slice(before)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as LogLine),
    );
    expect(lines.every((line) => line.startsWith('error configuration not reloaded: '))).toBe(true);
    for (const problem of problems) expect(lines.join('\n')).toContain(problem);
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(metrics).toMatch(/^pongcheck_config_last_reload_successful 0$/m);
    expect(metrics).toMatch(/^pongcheck_check_info\{check="own",kind="module",critical="true"\} 1$/m);
    expect(metrics.match(/^pongcheck_check_info/gm)).toHaveLength(1);
    expect(peer.received).toHaveLength(0);
    expect(peer.ended).toBe(false);
  });

  it('keeps the connection of a check whose settings changed, and closes that of a replaced check', async () => {
    const sockets: Socket[] = [];
    const seen = createServer((_request, response) => response.end('well'));
    seen.on('connection', (socket) => sockets.push(socket));
    seen.listen(0, '127.0.0.1');
    await once(seen, 'listening');
    opened.push(() => seen.close().closeAllConnections());
    const url = `http://127.0.0.1:${(seen.address() as AddressInfo).port}/`;
    await serve(`checks: { web: { kind: http, url: "${url}", interval: 100ms } }\n`);
    const isAsked = async () => {
      const [before] = [sockets.at(-1)?.bytesRead];
      while (sockets.at(-1)?.bytesRead === before) await new Promise(setImmediate);
    };
    await isAsked();
    await reload(`checks: { web: { kind: http, url: "${url}", interval: 120ms, method: GET, critical: false } }\n`);
    await isAsked();
    await isAsked();
    expect(sockets).toHaveLength(1);
    const closed = whenClosed(sockets[0] as Socket);
    await reload(`checks: { web: { kind: http, url: "${url}other", interval: 100ms } }\n`);
    await closed;
    while (sockets.length < 2) await new Promise(setImmediate);
  });

  it('imports a changed module again, but not an unchanged one', async () => {
    const counted = (word: string) =>
      `let made = 0;\nexport default () => { made++; return { kind: 'x', run: async () => ({ status: 'warn', output: '${word} ' + made }) }; };\n`;
    const text = 'checks: { own: { kind: module, path: ./own.mjs, some: option, interval: 100ms } }\n';
    write(counted('first'), 'own.mjs');
    const { http } = await serve(text);
    const output = async () => {
      const { checks } = (await (await fetch(`${http}/health?check=own`)).json()) as {
        checks: { own: { output: string }[] };
      };
      return checks.own[0]?.output;
    };
    expect(await output()).toBe('first 1');
    await reload(text.replace('100ms', '200ms'));
    expect(await output()).toBe('first 1');
    write(counted('second'), 'own.mjs');
    expect(told(await reload(text))).toContain('info configuration reloaded: checks changed: own');
    for (;;) if ((await output()) === 'second 1') break;
  });

  it('closes the connections of a removed token, without logging the token', async () => {
    const { port } = await serve(`tokens: ["${token}"]\n`);
    const [gone, stays] = [await peerAt(port), await peerAt(port)];
    gone.sendHex(frame('05', id, { token }));
    stays.sendHex(frame('05', id));
    for (const peer of [gone, stays]) expect((await peer.frame()).type).toBe('05');
    const lines = await reload('tokens: [another-token-0123456789]\n');
    expect(lines.at(-1)?.msg).toBe('configuration reloaded: options changed: tokens');
    expect(await gone.frame()).toMatchObject({ type: '7f', code: '06' });
    expect(stays.ended).toBe(false);
    expect(command.stdout).not.toMatch(/token-0123456789/);
  });

  it('neither loses nor delays a PING of a flood during twenty reloads', async () => {
    write('export default () => true;\n', 'own.mjs');
    const { port } = await serve(`${own}limits: { pingsPerSecond: 0 }\n`);
    const client = await connect(`pong://127.0.0.1:${port}`);
    opened.push(() => client.destroy());
    const watcher = await peerAt(port);
    watcher.sendHex(frame('03', id));
    await watcher.frame();
    let [count, isOver] = [0, false];
    const flood = (async () => {
      while (!isOver) {
        const pongs = await Promise.all(Array.from({ length: 64 }, () => client.ping({ timeout: 2000 })));
        for (const { status, stale } of pongs) expect([status, stale]).toEqual(['pass', false]);
        count += pongs.length;
      }
    })();
    for (let n = 1; n <= 20; n++) {
      const more = `  more-${n}: { kind: disk, path: /, minFreePercent: 0, minFreeInodesPercent: 0 }\n`;
      await reload(
        `checks:\n  own: { kind: module, path: ./own.mjs, fall: ${n} }\n${more}limits: { pingsPerSecond: 0, maxPending: ${100 + n} }\n`,
        new RegExp(`"msg":"configuration reloaded: checks added: more-${n};[^\n]*\n`),
      );
      const before = count;
      while (count < before + 64) await new Promise(setImmediate);
    }
    isOver = true;
    await flood;
    expect(watcher.received).toHaveLength(0);
    expect(client.ended).toBeUndefined();
  });

  it('received several times causes one more reload for all', async () => {
    await serve('');
    for (let n = 0; n < 50; n++) command.process.kill('SIGHUP');
    await reload('serviceId: shop\n', /"msg":"configuration reloaded: options changed: serviceId"[^\n]*\n/);
    await reload('serviceId: shop\n');
    expect(command.stdout.match(/"msg":"configuration reloaded/g)?.length).toBeLessThan(50);
  });
});
