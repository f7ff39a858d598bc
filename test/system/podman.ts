import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRoot } from '../readme/markdown.js';

/** Where a base image that was created here is kept for later runs. */
const cache = join(process.cwd(), 'node_modules', '.cache', 'pongcheck-image');
/** Some sandboxes impose these limits. runc works with them, crun does not. */
const LIMITS = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];
const NAME = 'pongcheck';
const DOCKERFILE = join('deploy', 'Dockerfile');
const [, BASE] = /^FROM (\S+)/m.exec(readRoot(DOCKERFILE)) as unknown as [string, string];

/** The part of `podman inspect` for an image that is used here. */
export interface Inspected {
  Labels: Record<string, string>;
  User: string;
  Size: number;
  Config: {
    Env: string[];
    WorkingDir: string;
    ExposedPorts: Record<string, object>;
    Entrypoint: string[];
    Cmd: string[];
  };
  /** Durations are in nanoseconds. */
  Healthcheck: { Test: string[]; Interval: number; Timeout: number; StartPeriod: number; Retries: number };
}

export interface Finished {
  status: number | null;
  output: string;
}

function tryRun(command: string, args: readonly string[], options: SpawnSyncOptions = {}): Finished {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  return { status, output: error ? String(error) : `${stdout}${stderr}` };
}

function mustRun(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    ...options,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? `${stdout}${stderr}`.slice(-4000)}`);
  return String(stdout).trim();
}

/**
 * The images and containers of one run, in a folder that is removed afterwards, so that nothing is left in the storage
 * of the machine.
 */
export class Podman {
  private readonly folder = mkdtempSync(join(tmpdir(), 'pongcheck-podman-'));
  private containers = 0;
  /** Why containers cannot be run here, if that is the case. Known once there is a base image. */
  refusal: string | undefined;

  /** The arguments that precede a podman command. */
  private get words(): string[] {
    const at = (name: string) => join(this.folder, name);
    return ['--root', at('root'), '--runroot', at('runroot'), '--runtime', 'runc', '--log-level', 'fatal'];
  }

  run(...args: string[]): string {
    return mustRun('podman', [...this.words, ...args]);
  }

  /** Like `run`, for a command that may fail. */
  try(...args: string[]): Finished {
    return tryRun('podman', [...this.words, ...args]);
  }

  /** Pulls the base image, or creates it if no registry can be reached. Returns a reason if neither is possible. */
  provideBase(): string | undefined {
    const full = `docker.io/library/${BASE}`;
    if (this.try('pull', '--quiet', full).status !== 0) {
      try {
        this.run('import', '--change', 'CMD=["node"]', makeBase(BASE), full);
      } catch (error) {
        return `no base: ${lastLine((error as Error).message)}`;
      }
    }
    const { status, output } = this.try(...this.runArguments(BASE, '--rm'), 'node', '-v');
    this.refusal = status === 0 ? undefined : lastLine(output);
    return undefined;
  }

  /** Builds deploy/Dockerfile as described in deploy/README.md. Takes minutes. */
  build(): void {
    this.run(
      ...['build', '--format', 'docker', '-f', DOCKERFILE, '-t', NAME],
      // One layer per stage takes half the time.
      ...['--layers=false', '--pull=never', '--network', 'host', ...LIMITS, ...registryMounts()],
      // The steps of a Dockerfile are containers too.
      ...(this.refusal === undefined ? [] : ['--isolation', 'chroot']),
      '.',
    );
  }

  inspect(): Inspected {
    return JSON.parse(this.run('image', 'inspect', NAME))[0];
  }

  /** Size of the base image, in bytes. */
  sizeOfBase(): number {
    return JSON.parse(this.run('image', 'inspect', BASE))[0].Size;
  }

  /** Mounts the root file system of the image as a folder of this machine. */
  mount(): string {
    return this.run('image', 'mount', NAME);
  }

  /** The command that runs a container in the foreground, hardened as in compose.yml, and the container's name. */
  command(): { command: string[]; name: string } {
    const name = `pongcheck-${++this.containers}`;
    return { name, command: ['podman', ...this.words, ...this.runArguments(NAME, '--name', name)] };
  }

  removeContainers(): void {
    this.try('rm', '--force', '--all', '--time', '0');
  }

  remove(): void {
    this.removeContainers();
    this.try('image', 'unmount', '--all', '--force');
    // The storage is mounted on itself.
    tryRun('umount', ['--lazy', '--recursive', join(this.folder, 'root', 'overlay')]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private runArguments(image: string, ...options: string[]): string[] {
    return [
      ...['run', ...options, ...LIMITS, '--pull=never', '--network', 'none'],
      ...['--read-only', '--read-only-tmpfs=false', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'],
      image,
    ];
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) as string;
}

/** Lets npm reach its registry during the build as it does on this machine. None of these files stays in the image. */
function registryMounts(): string[] {
  const setting = (key: string) => mustRun('npm', ['config', 'get', key]);
  const places = {
    [setting('globalconfig')]: '/usr/local/etc/npmrc',
    [setting('userconfig')]: '/root/.npmrc',
    [setting('cafile')]: setting('cafile'),
  };
  return Object.entries(places)
    .filter(([from]) => existsSync(from))
    .flatMap(([from, to]) => ['--volume', `${from}:${to}:ro`]);
}

/**
 * Creates a replacement for `node:22-bookworm-slim`: this Debian release with debootstrap, Node.js and npm from the npm
 * registry, and the user `node`. Returns an archive, which is created only once.
 */
function makeBase(tag: string): string {
  const [, major, debian] = /^node:(\d+)-(\w+)-slim$/.exec(tag) ?? [];
  if (!major || !debian) throw new Error(`no base can be made for ${tag}`);
  const version = 1;
  const key = createHash('sha256').update(`${version} ${tag} ${process.arch}`).digest('hex').slice(0, 16);
  const archive = join(cache, `${key}.tar.gz`);
  if (existsSync(archive)) return archive;

  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'making-'));
  try {
    const system = join(folder, 'system');
    mustRun('debootstrap', ['--variant=minbase', '--include=libstdc++6', debian, system]);
    const packages = join(folder, 'packages');
    mkdirSync(packages);
    const options = ['pack', '--silent', '--pack-destination', packages];
    mustRun('npm', [...options, `node-linux-${process.arch}@${major}`, 'npm@10']);
    const unpack = (name: RegExp, into: string, ...members: string[]) => {
      const file = readdirSync(packages).find((entry) => name.test(entry)) as string;
      mkdirSync(join(system, into), { recursive: true });
      mustRun('tar', ['-xzf', join(packages, file), '-C', join(system, into), '--strip-components=1', ...members]);
    };
    unpack(/^node-/, 'usr/local', 'package/bin/node');
    unpack(/^npm-/, 'usr/local/lib/node_modules/npm');
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(system, 'usr/local/bin/npm'));
    mustRun('chroot', [system, 'useradd', '--create-home', '--uid', '1000', '--user-group', 'node']);
    rmSync(join(system, 'var/cache/apt/archives'), { recursive: true });
    const made = join(folder, 'base.tar.gz');
    mustRun('tar', ['--numeric-owner', '-I', 'gzip -1', '-cf', made, '-C', system, '.']);
    renameSync(made, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return archive;
}
