import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { buildChecks, closeOthers } from '../../src/config/checks.js';
import { readConfiguration } from '../../src/config/load.js';
import { effective } from '../../src/config/print.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-effective-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function configurationOf(content: string, env: Record<string, string> = {}) {
  const file = join(folder, 'pongcheck.yml');
  await writeFile(file, content);
  return readConfiguration({ file, env });
}

async function effectiveOf(content: string, env: Record<string, string> = {}) {
  const configuration = await configurationOf(content, env);
  const checks = await buildChecks(configuration);
  await closeOthers(checks);
  return effective({ settings: configuration.settings, checks }) as Record<string, Record<string, unknown>>;
}

describe('the effective configuration', () => {
  it('has every option with its unit, and the defaults of each check', async () => {
    const shown = await effectiveOf(
      'checks: { db: { kind: mysql, url: "mysql://h/x", interval: 2s, critical: false } }',
    );
    expect(shown).toMatchObject({
      listen: [{ url: 'pong://127.0.0.1:7464' }],
      threads: 1,
      loop: { readinessStall: '2s', livenessStall: '10s' },
      limits: { frameTimeout: '5s', maxQueuedBytes: '256KiB', pingsPerSecond: 10_000 },
      checks: {
        db: {
          kind: 'mysql',
          url: 'mysql://h/x',
          timeout: '800ms',
          maxAge: '2800ms',
          interval: '2s',
          rise: 1,
          critical: false,
          groups: ['readiness'],
        },
      },
    });
  });

  it('is a configuration with the same meaning', async () => {
    const first = await effectiveOf(
      'http: false\nheartbeat: { idleTimeout: 0 }\nlimits: { maxQueuedBytes: 65537 }\nchecks: { w: { kind: http, url: "http://h/" } }',
    );
    expect(await effectiveOf(stringify(first))).toEqual(first);
  });

  it.each<[string, string, Record<string, string>]>([
    ['the password of a URL', 'checks: { db: { kind: mysql, url: "mysql://root:hunter2@h/x" } }', {}],
    ['a password with signs in it', 'checks: { db: { kind: redis, url: "redis://:a%2F:@hunter2@h" } }', {}],
    ['a password from a variable', 'checks: { db: { kind: redis, url: "redis://:${P}@h" } }', { P: 'hunter2' }],
    [
      'a password for Sentinels and their server',
      'checks: { db: { kind: redis, url: "redis+sentinel://:hunter2@a,b/x", sentinel: { password: hunter2 } } }',
      {},
    ],
    ['a URL from the environment', '', { MYSQL_URL: 'mysql://root:hunter2@h/x' }],
    ['a secret parameter of a URL', 'checks: { w: { kind: http, url: "http://h/?api_key=hunter2" } }', {}],
    ['a header', 'checks: { w: { kind: http, url: "http://h/", headers: { x: hunter2 } } }', {}],
    ['a token', 'tokens: ["hunter2-hunter2-hunter2"]\ndetail: token', {}],
    ['a token from the environment', '', { PONGCHECK_TOKENS: 'hunter2-hunter2-hunter2,hunter2hunter2hunter2' }],
    ['a token for a responder', 'checks: { p: { kind: pingpong, url: h, token: hunter2 } }', {}],
    ['an option of a module', 'checks: { m: { kind: module, path: own.js, deep: { password: hunter2 } } }', {}],
  ])('does not show %s', async (_what, content, env) => {
    await writeFile(join(folder, 'own.js'), 'export default () => () => {};\n');
    const shown = JSON.stringify(await effectiveOf(content, env));
    expect(shown).toContain('***');
    expect(shown).not.toContain('hunter2');
  });
});

describe('checks that refuse their options', () => {
  it('are reported together, each with its line, without secrets', async () => {
    const configuration = await configurationOf(
      'checks:\n  a: { kind: mysql, url: "ftp://u:hunter2@h" }\n  b: { kind: http, url: "http://h", status: many }\n  c: { kind: redis, url: "redis://h", interval: 50ms }\n',
    );
    const error = await buildChecks(configuration).catch((thrown) => thrown);
    expect(error.code).toBe('PONGCHECK_CONFIG');
    const lines = error.message.replaceAll(`${folder}/`, '').split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^pongcheck\.yml:2: checks\.a\.url /),
      expect.stringMatching(/^pongcheck\.yml:3: checks\.b\.status /),
      expect.stringMatching(/^pongcheck\.yml:4: checks\.c\.interval is 50ms; allowed: /),
    ]);
    expect(error.message).not.toContain('hunter2');
  });

  it('are reported if a module is missing', async () => {
    const configuration = await configurationOf('checks: { m: { kind: module, path: nowhere.js } }');
    await expect(buildChecks(configuration)).rejects.toThrow(/checks\.m\.path is .*nowhere\.js/);
  });
});
