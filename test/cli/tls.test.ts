import { copyFileSync, writeFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type PingpongOptions, pingpongCheck } from '../../src/checks/pingpong/index.js';
import { createService, type Service } from '../../src/service/service.js';
import { Authority, makeCertificate } from '../live/certificate.js';
import { runCheck } from '../live/run-check.js';
import { Command, pongcheck } from './command.js';

const authority = new Authority();
const stranger = makeCertificate();
const { ca } = authority;
const own = authority.issue();
const client = authority.issue({ name: 'client' });
const old = authority.issue({ name: 'client', expired: true });
afterAll(() => {
  authority.remove();
  stranger.remove();
});

let service: Service;
let url: string;
let where: string;
beforeAll(async () => {
  service = createService({ listen: [{ url: 'pongs://127.0.0.1:0', tls: { ...own, ca } }], http: false });
  await service.start();
  url = service.addresses[0] as string;
  where = url.replace('pongs://', '');
});
afterAll(() => service.stop());

const mine = ['--cert', client.cert, '--key', client.key];

describe('pongcheck ping over TLS', () => {
  it('is answered with a valid client certificate', async () => {
    const { code, stdout } = await pongcheck(['ping', url, '-c', '2', '-i', '10ms', '--ca', ca, ...mine]);
    expect(stdout).toMatch(/2 sent, 2 received/);
    expect(code).toBe(0);
  });

  it.each<[string, () => string[], string]>([
    ['no authority', () => mine, 'sent a certificate that was issued by an unknown CA'],
    ['another authority', () => ['--ca', stranger.cert, ...mine], 'that was issued by an unknown CA'],
    ['another name', () => ['--ca', ca, '--servername', 'b.example', ...mine], 'that is for another name'],
    ['no certificate', () => ['--ca', ca], 'ERROR 6 unauthenticated: a client certificate is required here'],
    [
      'a client certificate of an unknown CA',
      () => ['--insecure', '--cert', old.cert, '--key', old.key],
      'certificate has expired',
    ],
  ])('describes the problem with %s', async (_what, flags, why) => {
    const { code, stdout } = await pongcheck(['ping', url, '-c', '1', ...flags()]);
    expect(stdout).toContain(why);
    expect(stdout).toContain(where);
    expect(code).toBe(2);
  });

  it('reports a mismatch of TLS and plain text, in both directions', async () => {
    const plain = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false });
    await plain.start();
    const tls = await pongcheck(['ping', (plain.addresses[0] as string).replace('pong:', 'pongs:'), '-c', '1']);
    await plain.stop();
    expect(tls.stdout).toContain('it may not use TLS (pong://)');
    const { stdout } = await pongcheck(['ping', where, '-c', '1']);
    expect(stdout).toContain('this listener requires TLS: use pongs:// instead of pong://');
  });

  it.each([
    [['--cert', client.cert], '--cert and --key must be given together'],
    [['--ca', '/nowhere.pem'], '--ca /nowhere.pem cannot be read (ENOENT)'],
  ])('refuses %j', async (flags, why) => {
    const { code, stderr } = await pongcheck(['ping', url, ...flags]);
    expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining(why) });
  });

  it('refuses an invalid key without quoting it', async () => {
    const key = authority.path('none.key');
    writeFileSync(key, 'hunter2');
    const { code, stdout, stderr } = await pongcheck(['ping', url, '-c', '1', '--cert', client.cert, '--key', key]);
    expect(code).toBe(2);
    expect(stdout).toContain('tls.ca, tls.cert or tls.key is not usable');
    expect(stdout + stderr).not.toContain('hunter2');
  });
});

describe('pongcheck watch over TLS', () => {
  it('is answered with a valid client certificate', async () => {
    const command = new Command(['watch', url, '-i', '10ms', '--ca', ca, ...mine]);
    await command.says(/-> pass/);
    expect((await command.kill('SIGINT')).code).toBe(0);
  });
});

describe('a pingpong check over TLS', () => {
  it.each<[string, () => PingpongOptions['tls'], object]>([
    ['passes', () => ({ ca, ...client }), { status: 'pass' }],
    ['fails with tls, for a server that is not known', () => client, { status: 'fail', reason: 'tls' }],
    ['fails with auth, for a certificate that is missing', () => ({ ca }), { status: 'fail', reason: 'auth' }],
  ])('%s', async (_what, tls, result) => {
    const check = pingpongCheck({ url, timeout: 5000, tls: tls() ?? {} });
    expect(await runCheck(check)).toMatchObject(result);
    await check.close?.();
  });

  it('is refused if its files are missing', () => {
    expect(() => pingpongCheck({ url, tls: { ca: '/nowhere.pem' } })).toThrow(
      'tls.ca is a file that cannot be read (ENOENT)',
    );
  });
});

describe('pongcheck serve', () => {
  const commands: Command[] = [];
  afterEach(async () => {
    for (const command of commands.splice(0)) await command.kill('SIGKILL');
  });

  it('uses a new certificate after SIGHUP, and keeps the previous one if the new one is invalid', async () => {
    const [cert, key, config] = ['live.pem', 'live.key', 'pongcheck.yml'].map((name) => authority.path(name)) as [
      string,
      string,
      string,
    ];
    copyFileSync(own.cert, cert);
    copyFileSync(own.key, key);
    writeFileSync(
      config,
      'listen: [{ url: "pongs://127.0.0.1:0", tls: { cert: live.pem, key: live.key } }]\nhttp: false',
    );
    expect(await pongcheck(['check-config', '--config', config])).toMatchObject({ code: 0 });
    const command = new Command(['serve', '--config', config]);
    commands.push(command);
    const [, port] = await command.says(/listening on pongs:\/\/127\.0\.0\.1:(\d+)/);
    expect(await nameShown(Number(port))).toBe('localhost');

    const next = authority.issue({ name: 'next.example' });
    copyFileSync(next.cert, cert);
    command.process.kill('SIGHUP');
    await command.says(/not reloaded, the old one remains in use: tls\.key does not match tls\.cert/);
    expect(await pongcheck(['check-config', '--config', config])).toMatchObject({
      code: 1,
      stderr: `pongcheck: ${config}:1: listen[0].tls.key does not match tls.cert\n`,
    });
    expect(await nameShown(Number(port))).toBe('localhost');
    copyFileSync(next.key, key);
    command.process.kill('SIGHUP');
    await command.says(/reloaded, valid until/);
    expect(await nameShown(Number(port))).toBe('next.example');
    expect((await command.kill('SIGINT')).code).toBe(0);
  });
});

function nameShown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
