import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';

/** Runs each kind of check before and after the process has opened as many files as it may, and prints the results. */
const script = `
import { openSync, closeSync } from 'node:fs';
import { connect } from 'node:net';
import { createService, dnsCheck, execCheck, httpCheck, mysqlCheck, pingpongCheck, redisCheck, tcpCheck, tlsExpiryCheck } from ${JSON.stringify(join(compiledPackage(), 'dist', 'index.js'))};
const dial = () => new Promise((resolve, reject) => connect({ host: '127.0.0.1', port: 1 }).on('error', reject));
const checks = {
  tcp: tcpCheck({ url: 'tcp://127.0.0.1:1' }),
  named: tcpCheck({ url: 'tcp://localhost:1' }),
  dns: dnsCheck({ name: 'shop.test', server: '127.0.0.1:1' }),
  tls: tlsExpiryCheck({ url: 'tls://localhost:1' }),
  http: httpCheck({ url: 'http://127.0.0.1:9/' }),
  https: httpCheck({ url: 'https://localhost:9/' }),
  redis: redisCheck({ url: 'redis://127.0.0.1:1' }),
  mysql: mysqlCheck({ url: 'mysql://probe@127.0.0.1:1' }),
  pingpong: pingpongCheck({ url: 'pong://127.0.0.1:1' }),
  unix: pingpongCheck({ url: 'pong+unix:/nowhere/pong.sock' }),
  program: execCheck({ command: '/bin/false' }),
  own: dial,
  wrapped: () => dial().catch((cause) => { throw new Error('query failed', { cause }); }),
  several: () => dial().catch((error) => { throw new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), error]); }),
};
for (const [name, check] of Object.entries(checks)) if (typeof check === 'function') checks[name] = { kind: 'function', run: check };
for (const check of Object.values(checks)) Object.assign(check, { interval: 0, timeout: 5000 });
const { health } = createService({ listen: [], http: false, checks });
const alive = setInterval(() => {}, 1000);
health.start();
const ask = (timeout) => new Promise((resolve) => health.ask({ scope: 'readiness', group: 'all', maxAge: 0, timeout, hops: 0 }, resolve));
const results = async () => {
  const { checks } = JSON.parse((await ask(5000)).report('full'));
  return Object.fromEntries(Object.entries(checks).map(([name, [{ state, reason }]]) => [name, state + ' ' + reason]));
};
const before = await results();
const files = [];
try { for (;;) files.push(openSync('/dev/null')); } catch {}
const during = await results();
for (const file of files) closeSync(file);
const after = await results();
console.log(JSON.stringify({ before, during, after }));
await health.stop();
clearInterval(alive);`;

describe('a process without a free file descriptor', () => {
  it('reports no failure of a dependency, with any kind of check', async () => {
    const { stdout } = await promisify(execFile)('prlimit', [
      '--nofile=128:128',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ]);
    const { before, during, after } = JSON.parse(stdout);
    expect(Object.keys(before)).toHaveLength(14);
    expect(before).toMatchObject({
      tcp: 'fail refused',
      dns: 'fail refused',
      redis: 'fail refused',
      own: 'fail refused',
    });
    expect(during).toEqual(Object.fromEntries(Object.keys(before).map((name) => [name, 'unknown fd-exhausted'])));
    expect(after).toEqual(before);
  });
});
