import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

interface Stage {
  /** Folder that represents / of the image. Programs of this machine replace those of the base image. */
  root: string;
  workdir: string;
  env: Record<string, string>;
}

/**
 * Executes the steps of a Dockerfile in folders, which yields the contents of an image without an engine. Base images
 * are not pulled, and the user is not changed.
 */
export class Image {
  readonly folder = mkdtempSync(join(tmpdir(), 'pongcheck-image-'));
  /** ENTRYPOINT, CMD and HEALTHCHECK of the last stage, as written in the Dockerfile. */
  entrypoint: string[] = [];
  command: string[] = [];
  healthcheck: string[] = [];
  private readonly stages = new Map<string, Stage>();
  private stage: Stage | undefined;

  constructor(
    dockerfile: string,
    private readonly context: string,
  ) {
    const steps = dockerfile.replaceAll('\\\n', ' ').split('\n');
    for (const step of steps.filter((line) => /^[A-Z]/.test(line))) this.take(step);
  }

  /** The last stage. */
  get last(): Stage {
    if (!this.stage) throw new Error('a Dockerfile without FROM');
    return this.stage;
  }

  /** Path on this machine of a path in the last stage. */
  path(inside: string): string {
    return within(this.last, inside);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private take(step: string): void {
    const [, word, rest = ''] = /^([A-Z]+) (.*)$/.exec(step) ?? [];
    switch (word) {
      case 'FROM':
        return this.from(rest);
      case 'WORKDIR':
        this.last.workdir = rest;
        return void mkdirSync(this.path(rest), { recursive: true });
      case 'ENV':
        for (const [, name = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) this.last.env[name] = value;
        return;
      case 'COPY':
        return this.copy(rest.split(' '));
      case 'RUN':
        return void execFileSync('sh', ['-c', rest], {
          cwd: this.path('.'),
          // Files that an earlier run has downloaded can be used.
          env: { ...process.env, npm_config_prefer_offline: 'true', ...this.last.env },
          stdio: 'pipe',
        });
      case 'ENTRYPOINT':
        this.entrypoint = JSON.parse(rest);
        return;
      case 'CMD':
        this.command = JSON.parse(rest);
        return;
      case 'HEALTHCHECK':
        this.healthcheck = JSON.parse(rest.slice(rest.indexOf('[')));
        return;
      case 'LABEL':
      case 'USER':
      case 'EXPOSE':
        return;
      default:
        throw new Error(`a step that is not known here: ${step}`);
    }
  }

  private from(rest: string): void {
    const [, name = String(this.stages.size)] = / AS (\S+)$/.exec(rest) ?? [];
    this.stage = { root: join(this.folder, name), workdir: '/', env: {} };
    mkdirSync(this.stage.root);
    this.stages.set(name, this.stage);
  }

  private copy(words: string[]): void {
    const [, origin] = /^--from=(\S+)$/.exec(words[0] as string) ?? [];
    const root = origin === undefined ? this.context : (this.stages.get(origin) as Stage).root;
    const sources = origin === undefined ? words.slice(0, -1) : words.slice(1, -1);
    const target = words.at(-1) as string;
    for (const source of sources) {
      const from = join(root, source);
      // A file is copied into a folder. Of a folder, its contents are copied.
      const into = target.endsWith('/') && !statSync(from).isDirectory() ? join(target, basename(source)) : target;
      mkdirSync(dirname(this.path(into)), { recursive: true });
      cpSync(from, this.path(into), { recursive: true, verbatimSymlinks: true });
    }
  }
}

function within({ root, workdir }: Stage, inside: string): string {
  const path = inside.startsWith('/') ? join(root, inside) : join(root, workdir, inside);
  if (!existsSync(root)) throw new Error(`${root} is gone`);
  return path;
}
