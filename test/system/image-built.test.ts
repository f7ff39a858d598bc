import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { readRoot } from '../readme/markdown.js';
import { type Inspected, Podman } from './podman.js';
import type { Program } from './program.js';
import { Trial } from './trial.js';

const isIncluded = (process.env.TEST_SYSTEM_WITH ?? '').split(',').includes('image');
const podman = isIncluded ? new Podman() : undefined;
/** Why there is no image. */
let missing = isIncluded ? undefined : 'add --with image';
let image: Inspected;
let root: string;
if (podman) {
  try {
    missing = podman.provideBase();
    if (missing === undefined) {
      podman.build();
      image = podman.inspect();
      root = podman.mount();
    }
  } catch (error) {
    podman.remove();
    throw error;
  }
}
const trial = new Trial();
/** Ends containers that are left over, because they outlive the command that runs them. */
const endings: (() => void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) end();
  await trial.close();
});
afterAll(() => podman?.remove());

interface Container {
  /** Ends when the container ends, with the same exit code. */
  program: Program;
  /** Id of the container's first process, as seen on this machine. */
  pid: number;
  /** Runs a command in the container, as the user of the image. */
  exec(...command: string[]): { status: number | null; output: string };
  /** Runs the HEALTHCHECK command, and returns the resulting status. */
  health(): string;
}

function finished(command: readonly string[]): { status: number | null; output: string } {
  const [first, ...rest] = command;
  const { status, stdout, stderr } = spawnSync(first as string, rest, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

function childrenOf({ pid }: Program): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : [];
}

async function inPodman(): Promise<Container> {
  const engine = podman as Podman;
  const { command, name } = engine.command();
  const program = trial.program(command);
  endings.push(() => engine.removeContainers());
  await program.says('listening on pong://0.0.0.0:7464');
  return {
    program,
    pid: Number(engine.run('inspect', '--format', '{{.State.Pid}}', name)),
    exec: (...words) => engine.try('exec', name, ...words),
    health: () => {
      engine.try('healthcheck', 'run', name);
      return engine.run('inspect', '--format', '{{.State.Health.Status}}', name);
    },
  };
}

/**
 * Runs the container with util-linux tools: namespaces for processes, mounts and networks, and a read-only root file
 * system.
 */
async function inChroot(): Promise<Container> {
  const { Env, WorkingDir, Entrypoint, Cmd } = image.Config;
  const enter = ['chroot', `--userspec=${image.User}:${image.User}`, root, 'env', '-i', '-C', WorkingDir, ...Env];
  const prepare = [
    'mount --make-rprivate /',
    'mount --bind "$0" "$0"',
    'mount -o remount,bind,ro "$0"',
    'mount -t proc proc "$0/proc"',
    'ip link set lo up',
    'exec "$@"',
  ].join(' && ');
  const program = trial.program([
    ...['unshare', '--fork', '--pid', '--mount', '--net', 'sh', '-c', prepare, root],
    ...[...enter, ...Entrypoint, ...Cmd],
  ]);
  await program.says('listening on pong://0.0.0.0:7464');
  const [pid] = childrenOf(program) as [number];
  // --kill-child of unshare has no effect on a child that changes its user.
  endings.push(() => {
    for (const child of childrenOf(program)) process.kill(child, 'SIGKILL');
  });
  const exec = (...words: string[]) =>
    finished(['nsenter', `--target=${pid}`, '--pid', '--mount', '--net', ...enter, ...words]);
  const [, ...test] = image.Healthcheck.Test;
  return { program, pid, exec, health: () => (exec(...test).status === 0 ? 'healthy' : 'unhealthy') };
}

const label = (name: string) => `org.opencontainers.image.${name}`;
const SECOND = 1e9;
const describeIfBuilt = missing === undefined ? describe : describe.skip;
const skipped = (reason: string | undefined) => (reason === undefined ? '' : ` (skipped: ${reason})`);

describeIfBuilt(`the image that is built of the Dockerfile${skipped(missing)}`, () => {
  it('has its labels, user, ports, commands and health check', () => {
    const { name, version, license } = JSON.parse(readRoot('package.json'));
    expect(image.Labels).toMatchObject({
      [label('title')]: name,
      [label('version')]: version,
      [label('licenses')]: license,
      [label('description')]: expect.any(String),
    });
    expect(image.User).toBe('node');
    expect(Object.keys(image.Config.ExposedPorts)).toEqual(['7464/tcp', '7664/tcp']);
    expect([...image.Config.Entrypoint, ...image.Config.Cmd]).toEqual(['node', 'dist/cli.cjs', 'serve']);
    expect(image.Healthcheck).toMatchObject({
      Interval: 10 * SECOND,
      Timeout: 3 * SECOND,
      StartPeriod: 10 * SECOND,
      Retries: 3,
    });
    expect(image.Healthcheck.Test).toEqual(expect.arrayContaining(['CMD', 'ping', '--scope', 'liveness']));
  });

  it('contains no compiler, no sources, and nothing that its user can change', () => {
    const files = readdirSync(join(root, 'app'), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name));
    const inside = files.map((file) => file.slice(root.length));
    expect(inside).toContain('/app/dist/cli.js');
    expect(new Set(inside.map((file) => file.split('/')[2]))).toEqual(
      new Set(['dist', 'node_modules', 'package.json']),
    );
    expect(inside.filter((file) => /^\/app\/dist\/.*(?<!\.d)\.ts$/.test(file))).toEqual([]);
    // Packages that only the build needs.
    const development = Object.keys(JSON.parse(readRoot('package.json')).devDependencies).filter(
      (name) => !['@grpc/grpc-js', 'pg'].includes(name) && !name.startsWith('@types/'),
    );
    expect(development.filter((name) => inside.includes(`/app/node_modules/${name}/package.json`))).toEqual([]);
    const programs = ['bin', 'sbin', 'usr/bin', 'usr/local/bin'].flatMap((folder) => readdirSync(join(root, folder)));
    expect(programs).toContain('node');
    expect(programs.filter((name) => /^(tsc|cc|gcc|g\+\+|clang|make|python3?)$/.test(name))).toEqual([]);
    const writable = files.filter((file) => {
      const { uid, mode } = lstatSync(file);
      return uid !== 0 || (mode & 0o022) !== 0;
    });
    expect(writable.filter((file) => !lstatSync(file).isSymbolicLink())).toEqual([]);
    const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    const { Size } = image;
    process.stderr.write(
      `The image has ${megabytes(Size)}, ${megabytes(Size - (podman as Podman).sizeOfBase())} of it above its base.\n`,
    );
  });

  describe.each([
    ['by podman', inPodman, podman?.refusal],
    ['by chroot in namespaces', inChroot, undefined],
  ] as const)('run %s', (_how, start, reason) => {
    const itIfPossible = reason === undefined ? it : it.skip;
    const because = skipped(reason);

    itIfPossible(`is one process of its user without privileges, and writes nothing${because}`, async () => {
      const { pid, exec } = await start();
      const status = Object.fromEntries(
        readFileSync(`/proc/${pid}/status`, 'utf8')
          .split('\n')
          .map((line) => line.split(':\t').map((part) => part.trim())),
      );
      expect(status.NSpid?.split('\t').at(-1)).toBe('1');
      expect(status.Uid).toBe('1000\t1000\t1000\t1000');
      expect(status.Gid).toBe('1000\t1000\t1000\t1000');
      expect(Number.parseInt(status.CapEff as string, 16)).toBe(0);
      for (const folder of ['.', '/tmp', '/etc/pongcheck']) {
        const write = `require('node:fs').writeFileSync(${JSON.stringify(`${folder}/x`)}, '')`;
        expect(exec('node', '-e', write)).toMatchObject({ status: 1, output: expect.stringContaining('EROFS') });
      }
    });

    itIfPossible(`answers PINGs, and is healthy unless it is frozen${because}`, async () => {
      const { pid, exec, health } = await start();
      const ping = ['node', 'dist/cli.cjs', 'ping', '--count', '1', '127.0.0.1:7464'];
      expect(exec(...ping)).toMatchObject({
        status: 0,
        output: expect.stringContaining('1 received, 0% loss, 1 pass'),
      });
      expect(health()).toBe('healthy');
      process.kill(pid, 'SIGSTOP');
      // Failures within the start period do not count. After that, three failures are needed.
      while (health() !== 'unhealthy');
      process.kill(pid, 'SIGCONT');
      expect(health()).toBe('healthy');
    });

    itIfPossible(`drains on SIGTERM, says GOAWAY, and exits with 0${because}`, async () => {
      const { pid, program } = await start();
      const to = { host: '127.0.0.1', port: 7464 };
      const within = ['nsenter', `--net=/proc/${pid}/ns/net`];
      const { program: client } = await trial.peers({ to, hello: {} }, { within });
      process.kill(pid, 'SIGTERM');
      expect(await client.says('closed')).toMatchObject({ goaways: 1, errors: [] });
      expect(await program.exit()).toBe(0);
      await program.says('stopped');
    });
  });
});
