import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pongcheck } from './command.js';
import { compiledPackage } from './compiled.js';
import { ScriptedResponder } from './scripted-responder.js';

/** Modules that the bundled probe may contain. */
const parts = [
  /^common\/(clock|errors|json-limits|mask|printable|redact)\.js$/,
  /^(wire|net)\//,
  /^client\/(abort|connection|errors|open|pending-requests|requests|responses|tls|watch|write-batch)\.js$/,
  /^health\/(fate|health|reported-fate|state)\.js$/,
  /^options\/(duration|suggest|variable-names)\.js$/,
  /^cli\/(help|output|parser|peer-flags|program|report-lines|request-flags|terminal)\.js$/,
  /^cli\/ping\//,
];

describe('the start of a probe', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-probe-'));
  let responder: ScriptedResponder;
  /** The loaded files: those of the package by their path in `dist`, and all others. */
  let files: string[];
  let strangers: string[];

  beforeAll(async () => {
    responder = await ScriptedResponder.start((ping) => ping.pong(1));
    const { code, stdout } = await pongcheck(['ping', responder.address, '-c', '1'], {
      env: { NODE_V8_COVERAGE: folder },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('1 received') });
    const [report] = readdirSync(folder);
    const { result } = JSON.parse(readFileSync(join(folder, report as string), 'utf8')) as {
      result: { url: string }[];
    };
    const urls = result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    const dist = `${pathToFileURL(join(realpathSync(compiledPackage()), 'dist'))}/`;
    files = urls.filter((url) => url.startsWith(dist)).map((url) => url.slice(dist.length));
    strangers = urls.filter((url) => !url.startsWith(dist));
  });
  afterAll(async () => {
    await responder.stop();
    rmSync(folder, { recursive: true });
  });

  it('loads no other package', () => expect(strangers).toEqual([]));

  it('loads one file in addition to the command', () => expect(files.sort()).toEqual(['cli.js', 'cli/ping.cjs']));

  it('does not load the module of `performance`, which costs 1 ms', async () => {
    const [preload, loaded] = [join(folder, 'preload.cjs'), join(folder, 'loaded.json')];
    const list = 'JSON.stringify(process.moduleLoadList)';
    writeFileSync(
      preload,
      `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(loaded)}, ${list}));`,
    );
    const { code } = await pongcheck(['ping', responder.address, '-c', '1'], {
      env: { NODE_OPTIONS: `--require ${preload}` },
    });
    const modules = JSON.parse(readFileSync(loaded, 'utf8'));
    expect({ code, modules }).toEqual({ code: 0, modules: expect.arrayContaining(['NativeModule net']) });
    expect(modules).not.toContain('NativeModule perf_hooks');
  });

  it('contains what a PING needs: no other command, no long-lived connection, no option schema', () => {
    const text = readFileSync(join(compiledPackage(), 'dist', 'cli', 'ping.cjs'), 'utf8');
    const modules = [...text.matchAll(/^\/\/ (\S+\.js)$/gm)].map(([, name]) => name as string);
    expect(modules).toContain('client/connection.js');
    expect(modules.filter((name) => !parts.some((part) => part.test(name)))).toEqual([]);
  });
});
