import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { Authority } from '../live/certificate.js';
import { freePort } from '../live/server-process.js';
import { type Host, Network } from './network.js';
import { Trial } from './trial.js';

const trial = new Trial();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-haproxy-'));
const authority = new Authority();
afterEach(async () => {
  await trial.close();
  rmSync(folder, { recursive: true, force: true });
  authority.remove();
});

const LOAD_BALANCER = '10.77.0.1';
const checks = 'check inter 100ms fall 1 rise 1';

/** HAProxy in front of two listeners, each on its own port: one with plain text, and one with TLS. */
function haproxy(host: Host, ways: Record<number, string>): void {
  const lines = ['global', '  maxconn 100', 'defaults', '  mode tcp', '  timeout connect 2s'];
  lines.push('  timeout client 10s', '  timeout server 10s', '  option tcp-check', '  tcp-check connect default');
  lines.push('  tcp-check send-binary 0000000c0101000000000000000000aa');
  lines.push('  tcp-check expect min-recv 16 rbinary ^0000000C0102..0[124]');
  for (const [port, server] of Object.entries(ways)) {
    lines.push(`listen way${port}`, `  bind 0.0.0.0:${port}`, `  server s ${server}`);
  }
  writeFileSync(join(folder, 'haproxy.cfg'), `${lines.join('\n')}\n`);
  trial.program(['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')], { within: host.within });
}

async function untilOpen(host: Host, port: number): Promise<void> {
  while (!host.run('ss', '-Htln').includes(`:${port} `)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The output of `pongcheck ping --detail`, and its exit code. */
async function ping(host: Host, address: string): Promise<{ code: number | null; said: string[] }> {
  const cli = join(compiledPackage(), 'dist', 'cli.js');
  const args = ['ping', address, '-c', '1', '-W', '3s', '--detail'];
  const program = trial.program([process.execPath, cli, ...args], { within: host.within });
  return { code: await program.exit(), said: program.said.map(({ event }) => event) };
}

describe('HAProxy in front, with send-proxy-v2', () => {
  it('hides no client: clients of the load balancer do not count as loopback, but its own machine does', async () => {
    const network = trial.network(new Network(2));
    const [near, far] = network.hosts as [Host, Host];
    const tls = authority.issue();
    const proxyProtocol = { from: ['127.0.0.1'] };
    const server = await trial.server(
      {
        listen: [
          { url: 'pong://127.0.0.1:0' },
          { url: 'pong://127.0.0.1:0', proxyProtocol },
          { url: 'pongs://127.0.0.1:0', proxyProtocol, tls },
        ],
      },
      { host: near },
    );
    const [bare, named, secure] = server.ports as [number, number, number];
    const [toBare, toNamed, toSecure] = [await freePort(), await freePort(), await freePort()];
    const overTls = `ssl verify required ca-file ${authority.ca} alpn pongcheck/1 check-ssl check-alpn pongcheck/1`;
    haproxy(near, {
      [toBare]: `127.0.0.1:${bare} ${checks}`,
      [toNamed]: `127.0.0.1:${named} send-proxy-v2 ${checks}`,
      [toSecure]: `127.0.0.1:${secure} send-proxy-v2 ${overTls} ${checks}`,
    });
    for (const port of [toBare, toNamed, toSecure]) await untilOpen(near, port);
    const shown = expect.stringMatching(/^ {4}wedge {2}pass/);

    // Without the header, each client appears as loopback.
    expect(await ping(far, `${LOAD_BALANCER}:${toBare}`)).toMatchObject({
      code: 0,
      said: expect.arrayContaining([shown]),
    });
    for (const port of [toNamed, toSecure]) {
      const stranger = await ping(far, `${LOAD_BALANCER}:${port}`);
      expect(stranger).toMatchObject({ code: 0, said: expect.not.arrayContaining([shown]) });
      expect(await ping(near, `127.0.0.1:${port}`)).toMatchObject({ code: 0, said: expect.arrayContaining([shown]) });
    }
    // HAProxy's own checks passed every 100 ms in the meantime. After one failure, it would have forwarded no client.
    const { list } = await server.program.ask({ list: true }, 'connections');
    expect(server.program.all('connect').length).toBeGreaterThan(10);
    expect(list.length).toBeLessThan(10);

    // A client that bypasses HAProxy without a header receives the reason. One that sends a header with another address
    // is not trusted.
    expect((await ping(near, `127.0.0.1:${named}`)).said.join()).toContain('missing PROXY header of version 2');
  });
});
