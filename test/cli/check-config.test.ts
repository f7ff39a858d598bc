import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { optionRows } from '../../src/options/table.js';
import { pongcheck } from './command.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-check-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('pongcheck check-config', () => {
  it('prints the effective values, with secrets masked, as YAML or JSON', async () => {
    await writeFile(
      join(folder, 'a.yml'),
      'checks: { db: { kind: mysql, url: "mysql://root:${PW}@h/x", timeout: 2s } }\n',
    );
    const options = { cwd: folder, env: { PW: 'hunter2', PONGCHECK_DETAIL: 'never' } };
    const { code, stdout, stderr } = await pongcheck(['check-config', '--config', 'a.yml'], options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('hunter2');
    const shown = parse(stdout);
    expect(shown).toMatchObject({
      detail: 'never',
      checks: { db: { kind: 'mysql', url: 'mysql://***@h/x', timeout: '2s', groups: ['readiness'] } },
    });
    const json = await pongcheck(['check-config', '--config', 'a.yml', '--json'], options);
    expect(JSON.parse(json.stdout)).toEqual(shown);
  });

  it('uses the file that PONGCHECK_CONFIG names', async () => {
    const file = join(folder, 'b.json');
    await writeFile(file, '{ "serviceId": "shop" }');
    const { stdout } = await pongcheck(['check-config'], { env: { PONGCHECK_CONFIG: file } });
    expect(stdout).toContain('serviceId: shop\n');
  });

  it('warns of ignored settings on standard error, with exit code 0', async () => {
    const { code, stdout, stderr } = await pongcheck(['check-config'], { env: { PONGCHECK_HTTP_PORT: '8080' } });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        'pongcheck: warning: "PONGCHECK_HTTP_PORT" in the environment is unknown and ignored; set http.port in the file\n',
    });
    expect(parse(stdout)).toMatchObject({ http: { port: 7664 } });
  });

  it('lists every issue on standard error, with exit code 1', async () => {
    await writeFile(join(folder, 'c.yml'), 'limits:\n  maxPendng: 1\nping: { timeout: 800 }\n');
    expect(await pongcheck(['check-config', '--config', 'c.yml'], { cwd: folder })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: [
        'pongcheck: c.yml:2: limits.maxPendng is not a known option; did you mean maxPending?',
        'pongcheck: c.yml:3: ping.timeout is 800; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 1h (a unit is missing: 800ms, 800s)',
        '',
      ].join('\n'),
    });
  });

  it('creates the checks, so that issues of each kind are found before a deployment', async () => {
    await writeFile(join(folder, 'd.yml'), 'checks:\n  m: { kind: module, path: nowhere.js }\n');
    const { code, stderr } = await pongcheck(['check-config', '--config', 'd.yml'], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^pongcheck: d\.yml:2: checks\.m\.path is .*nowhere\.js.*\n$/);
  });

  it('reads the files for TLS of every listener and of every connection to responders', async () => {
    const tls = 'tls: { cert: missing.pem, key: missing.pem }';
    const ca = 'tls: { ca: missing.pem }';
    const sections = [
      ['listen', `listen: [{ url: "pongs://127.0.0.1:1", ${tls} }]`],
      ['http', `http: { ${tls} }`],
      ['grpc', `grpc: { port: 1, ${tls} }`],
      ['peers', `peers: { from: ["pongs://127.0.0.1:1"], ${ca} }`],
      ['fleet', `fleet: { from: ["pongs://127.0.0.1:1"], ${ca} }`],
      ['probe', `probe: { targets: ["127.0.0.1:1"], modules: { m: { prober: tcp, ${ca} } } }`],
      ['checks', `checks: { r: { kind: redis, url: "rediss://h", ${ca} } }`],
    ];
    const withTls = optionRows.filter(({ path }) => /\.tls\.ca$/.test(path)).map(({ path }) => path.split(/\W/)[0]);
    expect(sections.map(([section]) => section)).toEqual(expect.arrayContaining(withTls));
    for (const [section, content] of sections) {
      await writeFile(join(folder, 'f.yml'), `${content}\n`);
      const { code, stderr } = await pongcheck(['check-config', '--config', 'f.yml'], { cwd: folder });
      expect([section, code]).toEqual([section, 1]);
      expect(stderr).toMatch(new RegExp(`^pongcheck: f\\.yml:1: ${section}\\S*\\.tls\\.(?:ca|cert) [^:]*ENOENT`));
    }
  });

  it('resolves no peer, and reads the files for their TLS', async () => {
    const content =
      'peers:\n  from: ["pongs://nowhere.invalid", "srv+pong://_pong._tcp.nowhere.invalid"]\n  token: hunter2\n';
    await writeFile(join(folder, 'e.yml'), content);
    const { code, stdout } = await pongcheck(['check-config', '--config', 'e.yml'], { cwd: folder });
    expect({ code, peers: parse(stdout).peers }).toEqual({
      code: 0,
      peers: {
        from: ['pongs://nowhere.invalid:7464', 'srv+pong://_pong._tcp.nowhere.invalid'],
        ask: 11,
        timeout: '300ms',
        token: '***',
      },
    });
    await writeFile(join(folder, 'e.yml'), `${content}  tls: { ca: missing.pem }\n`);
    const { code: failed, stderr } = await pongcheck(['check-config', '--config', 'e.yml'], { cwd: folder });
    expect(failed).toBe(1);
    expect(stderr).toBe(
      'pongcheck: e.yml:4: peers.tls.ca is a file that cannot be read (ENOENT); allowed: the path of a PEM file\n',
    );
  });
});
