import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readRoot } from '../readme/markdown.js';
import { Image } from './image.js';
import { Trial } from './trial.js';

describe('the image', () => {
  const trial = new Trial();
  let image: Image;
  beforeAll(() => {
    image = new Image(readRoot('deploy/Dockerfile'), process.cwd());
  }, 300_000);
  afterAll(async () => {
    await trial.close();
    image?.close();
  });

  it('contains what it runs, and no compiler', () => {
    expect(existsSync(image.path('dist/cli.js'))).toBe(true);
    expect(existsSync(image.path('node_modules/pino'))).toBe(true);
    for (const peer of ['@grpc/grpc-js', 'pg']) expect(existsSync(image.path(`node_modules/${peer}`))).toBe(true);
    expect(existsSync(image.path('node_modules/typescript'))).toBe(false);
    expect(existsSync(image.path('src'))).toBe(false);
  });

  it('serves its own configuration, is healthy, and unhealthy after the exit', async () => {
    const [program, ...args] = [...image.entrypoint, ...image.command];
    expect(program).toBe('node');
    const { env, workdir } = image.last;
    expect(workdir).toBe('/app');
    const config = image.path(env.PONGCHECK_CONFIG as string);
    // Other ports than the default ones, which may be in use here.
    const own = ['--listen', 'pong://127.0.0.1:0', '--http', '127.0.0.1:0'];
    const command = [process.execPath, image.path(args[0] as string), ...args.slice(1), ...own];
    const server = trial.program(command, { env: { ...env, PONGCHECK_CONFIG: config } });
    const { address } = await server.says(/^listening on/);
    const [asker, ...words] = image.healthcheck.map((word) => word.replace('127.0.0.1:7464', new URL(address).host));
    expect(asker).toBe('node');
    const ask = () => spawnSync(process.execPath, words, { cwd: image.path('.') }).status;
    expect(ask()).toBe(0);
    await server.kill();
    // An engine recognizes only exit codes 0 and 1.
    expect(ask()).toBe(1);
  });
});
