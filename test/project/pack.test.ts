import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
/** Output of the installation. */
let installed: string;

/** An outer npx (`npm run test:matrix`) would determine the package of the npx here. */
function environment(): NodeJS.ProcessEnv {
  const { npm_config_package: _above, ...env } = process.env;
  return env;
}

function run(command: string, args: string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, env: environment(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The path of a file in the installed package. */
function inside(path: string): string {
  return join(folder, 'node_modules', 'pongcheck', path);
}

/** The packages from which importing `entry` loads files, with import or require. */
function packagesLoadedBy(entry: string): string[] {
  const loaded = join(folder, 'loaded');
  writeFileSync(
    join(folder, 'hooks.mjs'),
    `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(loaded)}, url + '\\n');
  return next(url, context);
}`,
  );
  // The hooks see imports. Required files are in the cache.
  writeFileSync(
    join(folder, 'entry.mjs'),
    `import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
register('./hooks.mjs', import.meta.url);
await import(${JSON.stringify(entry)});
appendFileSync(${JSON.stringify(loaded)}, Object.keys(createRequire(import.meta.url).cache).join('\\n') + '\\n');
`,
  );
  writeFileSync(loaded, '');
  run(process.execPath, ['entry.mjs']);
  const names = readFileSync(loaded, 'utf8').matchAll(/\/node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\/[^\n]*$/gm);
  return [...new Set([...names].map(([, name]) => name as string))].sort();
}

describe('the package created by npm pack', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pongcheck-pack-'));
    run('npm', ['pack', '--pack-destination', folder], root);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) as string;
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)];
    const { stdout, stderr, status } = spawnSync('npm', args, { cwd: folder, env: environment(), encoding: 'utf8' });
    installed = stdout + stderr;
    expect([status, installed]).toEqual([0, expect.stringContaining('added ')]);
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('runs as a command', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(run('npx', ['--no-install', 'pongcheck', '--version'])).toContain(version);
  });

  it('can be required and imported, and is the same in both cases', () => {
    writeFileSync(
      join(folder, 'both.cjs'),
      `const { createService, PongcheckError } = require('pongcheck');
const { ping } = require('pongcheck/client');
(async () => {
  const imported = [await import('pongcheck'), await import('pongcheck/client')];
  console.log(imported[0].createService === createService, imported[1].PongcheckError === PongcheckError);
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, checks: { own: () => true } });
  await service.start();
  console.log((await ping(service.addresses[0])).status);
  await service.stop();
})();
`,
    );
    // Warnings would appear on stderr.
    const { stdout, stderr } = spawnSync(process.execPath, ['both.cjs'], { cwd: folder, encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['true true\npass\n', '']);
  });

  it('has no dependency that warns about this version of Node.js', () => {
    expect(installed).not.toMatch(/EBADENGINE/);
    const { engines } = JSON.parse(readFileSync(inside('package.json'), 'utf8'));
    expect(engines).toEqual({ node: '^20.19.0 || >=22.12.0' });
  });

  it('contains what its README links to', () => {
    const text = readFileSync(join(root, 'README.md'), 'utf8');
    const links = [...text.matchAll(/(?:\]\(|src="|srcset=")(?!https?:|#)([^)#"]+)/g)].map(
      ([, link]) => link as string,
    );
    expect(links.length).toBeGreaterThan(10);
    expect(links).toEqual(
      expect.arrayContaining(['docs/pictures/page-dark.png', 'bench/experiments/charts/detection.svg']),
    );
    const missing = links.filter((link) => !existsSync(inside(link)));
    expect(missing).toEqual([]);
  });

  it('contains the documentation and the protocol, but no sources and tests', () => {
    const files = run('find', ['node_modules/pongcheck', '-type', 'f']).split('\n');
    const wanted = [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'config.schema.json',
      'docs/architecture.md',
      'docs/troubleshooting.md',
      'docs/tutorial.md',
      'protocol/clients/README.md',
      'protocol/clients/go/cmd/pongprobe/main.go',
      'protocol/clients/pongcheck.php',
      'protocol/vectors/README.md',
      'dist/cli.cjs',
      'dist/cli.js',
      'dist/cli/ping.cjs',
      'dist/http/status-page/assets/page.css',
      'dist/http/status-page/assets/page.js',
    ];
    expect(files).toEqual(expect.arrayContaining(wanted.map((name) => `node_modules/pongcheck/${name}`)));
    expect(files.filter((name) => /pongcheck\/(src|test|scripts)\/|\.map$/.test(name))).toEqual([]);
  });

  it('has a client that loads no other package', () => {
    expect(packagesLoadedBy('pongcheck/client')).toEqual(['pongcheck']);
  });

  it('loads database drivers, metrics and logs only when they are used', () => {
    expect(packagesLoadedBy('pongcheck')).toEqual(['pongcheck']);
  });

  it('is detected loading each of them', () => {
    writeFileSync(
      join(folder, 'both.mjs'),
      "import 'yaml'; import { createRequire } from 'node:module'; createRequire(import.meta.url)('mysql2');",
    );
    expect(packagesLoadedBy('./both.mjs')).toEqual(expect.arrayContaining(['yaml', 'mysql2']));
  });

  it('has a client that is also a separate package, without dependencies', () => {
    const own = mkdtempSync(join(tmpdir(), 'pongcheck-client-'));
    try {
      run(process.execPath, [join(root, 'scripts', 'client-package.js')], root);
      run('npm', ['pack', '--pack-destination', own, join(root, 'dist-client')], own);
      const tarball = readdirSync(own).find((name) => name.endsWith('.tgz')) as string;
      writeFileSync(join(own, 'package.json'), '{ "private": true }');
      run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(own, tarball)], own);
      expect(readdirSync(join(own, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
        'pongcheck-client',
      ]);
      writeFileSync(
        join(own, 'both.cjs'),
        `const { connect, PongcheckError } = require('pongcheck-client');
(async () => {
  const { createService } = await import(${JSON.stringify(inside('dist/index.js'))});
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false });
  await service.start();
  const client = await connect(service.addresses[0]);
  console.log((await import('pongcheck-client')).PongcheckError === PongcheckError, (await client.ping()).status);
  await client.close();
  await service.stop();
})();
`,
      );
      expect(run(process.execPath, ['both.cjs'], own)).toBe('true pass\n');
      writeFileSync(
        join(own, 'app.mts'),
        "import { connect, type Pong } from 'pongcheck-client';\nexport const pong: Pong = await (await connect('a')).ping();\n",
      );
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const settings = '--noEmit --strict --target es2022 --module nodenext --types node'.split(' ');
      run(process.execPath, [tsc, ...settings, '--typeRoots', join(root, 'node_modules', '@types'), 'app.mts'], own);
    } finally {
      rmSync(own, { recursive: true });
    }
  });

  it.each([0, 1])('states what the option grpc requires, with %d threads', (threads) => {
    writeFileSync(
      join(folder, 'grpc.mjs'),
      `import { createService } from 'pongcheck';
await createService({ threads: ${threads}, listen: [], http: false, grpc: { port: 0 } }).start().catch(({ code, message }) => console.log(code, message));`,
    );
    expect(run(process.execPath, ['grpc.mjs'])).toBe(
      'PONGCHECK_LISTEN the option grpc requires the package @grpc/grpc-js, 1.12 or later, which is not installed; run: npm install @grpc/grpc-js\n',
    );
  });

  it('states what the kind postgres requires', () => {
    writeFileSync(
      join(folder, 'postgres.mjs'),
      `import { postgresCheck } from 'pongcheck';
await postgresCheck({ url: 'postgres://h' }).load().catch(({ reason, message }) => console.log(reason, message));`,
    );
    expect(run(process.execPath, ['postgres.mjs'])).toBe(
      'internal the kind postgres requires the package pg, 8.11 or later, which is not installed; run: npm install pg\n',
    );
  });

  it('states what the kind grpc requires', () => {
    writeFileSync(
      join(folder, 'grpc-kind.mjs'),
      `import { grpcCheck } from 'pongcheck';
await grpcCheck({ url: 'grpc://h:1' }).load().catch(({ message }) => console.log(message));`,
    );
    expect(run(process.execPath, ['grpc-kind.mjs'])).toBe(
      'the kind grpc requires the package @grpc/grpc-js, 1.12 or later, which is not installed; run: npm install @grpc/grpc-js\n',
    );
  });

  it('exports its types to TypeScript', () => {
    mkdirSync(join(folder, 'src'), { recursive: true });
    writeFileSync(
      join(folder, 'src', 'app.ts'),
      `import { type Cause, createService, type ErrorCode, type Log, type Options, type Scope, type ServerEvents, type State, type TlsOptions } from 'pongcheck';
import { type BackoffOptions, type Clock, connect, type KeepAlive, type LinkEvents } from 'pongcheck/client';
export type Named = Cause | ErrorCode | Log | Options | Scope | ServerEvents | State | TlsOptions | BackoffOptions | Clock | KeepAlive | LinkEvents;
const service = createService({ checks: { own: async (signal) => signal.aborted }, listen: [] });
await service.start();
const pong = await (await connect('127.0.0.1:7464')).ping({ detail: true });
const healthy: boolean = pong.healthy;
export { healthy };
`,
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    run(process.execPath, [
      tsc,
      ...'--noEmit --strict --skipLibCheck --target es2022 --module nodenext --types node'.split(' '),
      '--typeRoots',
      join(root, 'node_modules', '@types'),
      'src/app.ts',
    ]);
  });
});
