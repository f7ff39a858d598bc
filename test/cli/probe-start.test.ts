import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pongcheck } from './command.js';
import { compiledPackage } from './compiled.js';
import { ScriptedResponder } from './scripted-responder.js';

/** Each file delays the start of a probe by about 1 ms. */
const MOST_FILES = 41;
/** Files that a probe needs. */
const parts = [
  /^cli\.js$/,
  /^common\/(clock|errors|json-limits|printable)\.js$/,
  /^(wire|net)\//,
  /^client\/(abort|connection|errors|open|pending-requests|requests|responses|tls|watch|write-batch)\.js$/,
  /^health\/health\.js$/,
  /^options\/(duration|suggest|variable-names)\.js$/,
  /^cli\/(output|parser|peer-flags|report-lines|request-flags|terminal)\.js$/,
  /^cli\/ping\/(command|exit-dialects|pong-text|printer|run|statistics)\.js$/,
  /^cli\/serve\/signals\.js$/,
  /^health\/reported-fate\.js$/,
];
/** Long-lived connections, and the schema of the client's options: the command validates its flags itself. */
const forOthers = [/^client\/(link\/|client\.|connect\.|options\.)/, /^liveness\//, /^net\/keep-alive\.js$/];

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

  it('loads what a PING needs, and few files', () => {
    expect(files).toContain('client/connection.js');
    expect(files.filter((file) => !parts.some((part) => part.test(file)))).toEqual([]);
    expect(files.filter((file) => forOthers.some((part) => part.test(file)))).toEqual([]);
    expect(files.length).toBeLessThanOrEqual(MOST_FILES);
  });
});
