import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { compiledPackage } from '../cli/compiled.js';
import type { Program } from './program.js';
import type { Trial } from './trial.js';

const CONFIG_FILE = 'pongcheck.yml';

/** `pongcheck serve` in a separate process, with checks whose mood can be set. */
export class Responder {
  private constructor(
    readonly program: Program,
    /** The PING ports, in the order of the listeners. */
    readonly ports: readonly number[],
    /** HOST:PORT of the HTTP server. */
    readonly http: string,
    private readonly folder: string,
    /** The text of the configuration file. */
    private readonly config: string,
  ) {}

  /** `moods`: settings of its checks by name, all of which pass at first. `files`: open file limit. */
  static async start(
    trial: Trial,
    config: object,
    {
      moods = {},
      files,
      env = {},
    }: { moods?: Record<string, object>; files?: number; env?: Record<string, string> } = {},
  ): Promise<Responder> {
    const folder = mkdtempSync(join(tmpdir(), 'pongcheck-responder-'));
    const path = join(process.cwd(), 'test', 'system', 'programs', 'moods.js');
    const own = Object.entries(moods).map(([name, settings]) => {
      const file = join(folder, name);
      writeFileSync(file, 'well');
      return [name, { kind: 'module', path, file, ...settings }];
    });
    const { checks = {}, ...rest } = config as { checks?: object };
    const whole = {
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: { host: '127.0.0.1', port: 0 },
      checks: { ...checks, ...Object.fromEntries(own) },
      ...rest,
    };
    const file = join(folder, CONFIG_FILE);
    const text = stringify(whole);
    writeFileSync(file, text);
    const cli = join(compiledPackage(), 'dist', 'cli.js');
    const limit = files === undefined ? [] : ['prlimit', `--nofile=${files}:${files}`];
    const program = trial.program([...limit, process.execPath, cli, 'serve', '--config', file], { env });
    const { url } = await program.says(/^HTTP: .*\/metrics/);
    const listening = program.said.filter(({ event }) => event.startsWith('listening on'));
    const ports = listening.map(({ address }) => Number(new URL(address).port));
    return new Responder(program, ports, new URL(url).host, folder, text);
  }

  get port(): number {
    return this.ports[0] as number;
  }

  /** Sets a word of `programs/moods.js` for the next run of a check. */
  mood(check: string, word: string): void {
    writeFileSync(join(this.folder, check), word);
  }

  /** Reloads with this text as the configuration. Default: the text with which it was started. */
  reload(config = this.config): void {
    writeFileSync(join(this.folder, CONFIG_FILE), config);
    this.program.signal('SIGHUP');
  }

  async text(path: string): Promise<string> {
    return (await fetch(`http://${this.http}${path}`)).text();
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
