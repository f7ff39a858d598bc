import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { connect, openLink } from '../../src/client.js';
import { createService, type Service } from '../../src/service/service.js';
import { Command, pongcheck } from './command.js';

const token = 'a-right-token-0123456789';
const wrong = 'a-wrong-token-0123456789';
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-token-'));
const fileOf = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

let service: Service;
let url: string;
beforeAll(async () => {
  service = createService({
    listen: [{ url: 'pong://127.0.0.1:0', requireToken: true }],
    http: false,
    checks: { db: () => {} },
    tokens: [token],
    detail: 'token',
  });
  await service.start();
  url = service.addresses[0] as string;
});
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

describe('the token of a client', () => {
  it('is read from a file', async () => {
    const file = fileOf('right', `${token}\n`);
    const { code, stdout } = await pongcheck(['ping', url, '-c', '1', '--detail', '--token-file', file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n {4}db {2}pass/);
  });

  it('is read from the environment', async () => {
    const { code } = await pongcheck(['ping', url, '-c', '1'], { env: { PONGCHECK_TOKEN: token } });
    expect(code).toBe(0);
  });

  it.each([
    ['is missing', {}, 'a token in HELLO is required here'],
    ['is wrong', { PONGCHECK_TOKEN: wrong }, 'invalid token'],
  ])('that %s is reported without its value', async (_what, env, why) => {
    const { code, stdout, stderr } = await pongcheck(['ping', url, '-c', '1'], { env });
    expect(code).toBe(2);
    expect(stdout).toContain(`answered ERROR 6 unauthenticated: ${why}`);
    expect(stdout + stderr).not.toContain(wrong);
  });

  it.each([
    ['is not there', join(folder, 'nowhere'), 'cannot be read (ENOENT)'],
    ['is empty', fileOf('empty', '\n'), 'is empty'],
    ['is another file', fileOf('long', 'x'.repeat(5000)), 'is too long for a token'],
  ])('in a file that %s is a usage error', async (_what, file, why) => {
    const { code, stderr } = await pongcheck(['ping', url, '--token-file', file]);
    expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining(`--token-file ${file} ${why}`) });
  });

  it('is sent by explain', async () => {
    const { code, stdout } = await pongcheck(['explain', url, '--json'], { env: { PONGCHECK_TOKEN: token } });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).notes).not.toContain('Details are hidden from this client.');
    expect((await pongcheck(['explain', url])).code).toBe(2);
  });

  it('is sent by watch', async () => {
    const command = new Command(['watch', url, '-i', '10ms'], { env: { PONGCHECK_TOKEN: token } });
    await command.says(/-> pass/);
    expect((await command.kill('SIGINT')).code).toBe(0);
  });

  it('is sent by connect, by a link and by a check', async () => {
    const client = await connect(url, { token });
    expect((await client.ping({ detail: true })).report).toHaveProperty('checks');
    await client.close();

    const link = openLink(url, { token, detail: true });
    const [{ report }] = await new Promise<[{ report?: object }]>((resolve) =>
      link.once('pong', (pong) => resolve([pong])),
    );
    expect(report).toHaveProperty('checks');
    await link.close();

    const check = pingpongCheck({ url, token });
    const seen = await check.run(AbortSignal.timeout(5000), performance.now() + 5000);
    expect(seen).toMatchObject({ status: 'pass' });
    await check.close?.();
    expect(check.secrets).toEqual([token]);
  });

  it('that is refused gives a check the reason auth', async () => {
    const check = pingpongCheck({ url, token: wrong });
    const failed = Promise.resolve(check.run(AbortSignal.timeout(5000), performance.now() + 5000));
    await expect(failed).rejects.toMatchObject({ reason: 'auth' });
    await check.close?.();
  });

  it('that is refused rejects connect', async () => {
    await expect(connect(url, { token: wrong })).rejects.toMatchObject({
      code: 'PONGCHECK_REFUSED',
      wire: { code: 6 },
    });
  });
});
