import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { pongcheck } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'pongcheck-emit-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

async function emit(args: readonly string[], config: object = {}) {
  const file = join(folder, `${files++}.yml`);
  writeFileSync(file, stringify(config));
  return pongcheck(['emit', ...args, '--config', file]);
}

describe('pongcheck emit', () => {
  it('haproxy: checks with PING and a timeout above the responder deadline, and queries the agent for draining', async () => {
    const { stdout } = await emit(['haproxy', '--server', '10.0.0.5:80', '--server', '10.0.0.6:80'], {
      listen: [{ url: 'pong://0.0.0.0:7000' }],
      ping: { timeout: '3s' },
    });
    expect(stdout).toContain('  tcp-check send-binary 0000000c0101020000000000000000aa\n');
    expect(stdout).toContain('  tcp-check expect min-recv 16 rbinary ^0000000C0102..0[124]\n');
    expect(stdout).toContain('  timeout check 3500ms\n');
    expect(stdout).toMatch(/default-server check .* port 7000 agent-check agent-port 7000 .*agent-send "agent\\n"\n/);
    expect(stdout).toMatch(/ {2}server s1 10\.0\.0\.5:80\n {2}server s2 10\.0\.0\.6:80\n$/);
  });

  it('haproxy: omits the agent with TLS and with the PROXY protocol, which it does not support', async () => {
    const listen = [
      { url: 'pong://127.0.0.1:7002', requireToken: true },
      { url: 'pongs://127.0.0.1:7001', tls: { cert: 'c.pem', key: 'k.pem' }, proxyProtocol: { from: ['10.0.0.0/8'] } },
    ];
    const { stdout } = await emit(['haproxy'], { listen, tokens: ['a-token-of-the-right-length'] });
    expect(stdout).toContain(' port 7001 check-ssl check-alpn pongcheck/1 verify required ');
    expect(stdout).toContain(' check-send-proxy\n');
    expect(stdout).toContain('rbinary ^0000000C0102..0[12]\n');
    expect(stdout).not.toContain('agent-check');
  });

  it('haproxy: a backend with the mode of its frontends, tcp or http, with the same checks', async () => {
    const config = { listen: [{ url: 'pong://0.0.0.0:7000' }] };
    const [plain, tcp, http] = await Promise.all(
      [[], ['--mode', 'tcp'], ['--mode', 'http']].map(
        async (mode) => (await emit(['haproxy', ...mode], config)).stdout,
      ),
    );
    expect(tcp).toBe(plain);
    expect(http).toContain('backend pongcheck\n  mode http\n  option tcp-check\n');
    expect(http?.replace('mode http', 'mode tcp')).toBe(tcp);
  });

  it.each([
    [['haproxy', '--mode', 'https'], '--mode is "https"; allowed: one of tcp, http'],
    [['kubernetes', '--mode', 'http'], '--mode is only valid for haproxy, not for kubernetes'],
    [['haproxy', '--server', '10.0.0.5:80 check'], '--server is "10.0.0.5:80 check"; allowed: HOST[:PORT]'],
    [['haproxy', '--server', '10.0.0.5:99999'], '--server is "10.0.0.5:99999"; allowed: HOST[:PORT]'],
    [['blackbox', '--server', '10.0.0.5:80'], '--server is only valid for haproxy and envoy, not for blackbox'],
    [['envoy', '--grpc'], '--grpc is only valid for kubernetes, not for envoy'],
  ])('%j is refused', async (args, description) => {
    const { code, stdout, stderr } = await emit(args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(description);
  });

  it('blackbox: line mode, with a timeout above the deadline', async () => {
    const { stdout } = await emit(['blackbox']);
    const { pongcheck: module } = (parse(stdout) as { modules: Record<string, any> }).modules;
    expect(module).toEqual({
      prober: 'tcp',
      timeout: '3s',
      tcp: { query_response: [{ send: 'ping' }, { expect: '^pong (pass|warn)( .*)?$' }] },
    });
  });

  it('kubernetes: HTTP probes that reach the port, and a grace period above that of the drain', async () => {
    const pod = parse((await emit(['kubernetes'], { drain: { grace: '20s' } })).stdout) as Record<string, any>;
    expect(pod.terminationGracePeriodSeconds).toBe(30);
    const [container] = pod.containers;
    expect(container.env).toEqual([{ name: 'PONGCHECK_HTTP', value: '0.0.0.0:7664' }]);
    expect(container.livenessProbe).toMatchObject({ httpGet: { path: '/livez', port: 7664 }, timeoutSeconds: 2 });
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
    expect(container.startupProbe.failureThreshold).toBe(60);
  });

  it('kubernetes: one process per probe if HTTP is off', async () => {
    const { stdout } = await emit(['kubernetes'], { http: false, listen: [{ url: 'pong://0.0.0.0:7000' }] });
    const [container] = (parse(stdout) as Record<string, any>).containers;
    expect(container.readinessProbe.exec.command).toEqual([
      'pongcheck',
      'ping',
      '--exit',
      'k8s',
      '--scope',
      'readiness',
      'pong://127.0.0.1:7000',
    ]);
    expect(stdout).toContain(
      '# Liveness fails once the event loop has been blocked for loop.livenessStall (10000 ms).',
    );
  });

  it('kubernetes --grpc: gRPC probes that reach the port', async () => {
    const { stdout } = await emit(['kubernetes', '--grpc'], { grpc: '127.0.0.1:7000' });
    const [container] = (parse(stdout) as Record<string, any>).containers;
    expect(container.env).toEqual([{ name: 'PONGCHECK_GRPC', value: '0.0.0.0:7000' }]);
    expect(container.livenessProbe).toEqual({
      grpc: { port: 7000, service: 'liveness' },
      periodSeconds: 5,
      timeoutSeconds: 2,
      failureThreshold: 3,
    });
    expect(container.readinessProbe.grpc.service).toBe('readiness');
    expect(container.startupProbe.grpc.service).toBe('startup');
    const off = await emit(['kubernetes', '--grpc']);
    expect(off.stdout).toContain('# grpc is false, so there is no gRPC listener.');
    expect(off.stdout).toContain('value: "0.0.0.0:7864"');
    const open = await emit(['kubernetes', '--grpc'], { grpc: '0.0.0.0:7000' });
    expect(open.stdout).not.toContain('env:');
    const tls = { cert: 'c.pem', key: 'k.pem' };
    const { code, stderr } = await emit(['kubernetes', '--grpc'], { grpc: { tls } });
    expect([code, stderr]).toEqual([1, expect.stringContaining('do not support TLS')]);
  });

  it('envoy: uses gRPC if it is enabled, otherwise HTTP', async () => {
    const servers = ['--server', '10.0.0.5', '--server', '[::1]:8080'];
    const byGrpc = parse((await emit(['envoy', ...servers], { grpc: '0.0.0.0:7000' })).stdout) as Record<string, any>;
    const [cluster] = byGrpc.clusters;
    expect(cluster.health_checks[0].grpc_health_check).toEqual({ service_name: 'readiness' });
    expect(Object.values(cluster.typed_extension_protocol_options)).toMatchObject([
      { explicit_http_config: { http2_protocol_options: {} } },
    ]);
    const endpoint = (address: string, port_value: number) => ({
      endpoint: {
        address: { socket_address: { address, port_value } },
        health_check_config: { port_value: 7000 },
      },
    });
    expect(cluster.load_assignment.endpoints[0].lb_endpoints).toEqual([
      endpoint('10.0.0.5', 80),
      endpoint('::1', 8080),
    ]);
    const byHttp = parse((await emit(['envoy'])).stdout) as Record<string, any>;
    expect(byHttp.clusters[0].health_checks[0].http_health_check).toEqual({ path: '/readyz' });
    expect(byHttp.clusters[0].typed_extension_protocol_options).toBeUndefined();
  });

  it('consul: uses gRPC if it is enabled, otherwise HTTP', async () => {
    const { stdout } = await emit(['consul'], { grpc: '0.0.0.0:7000', serviceId: 'shop' });
    expect(stdout).toContain('  name = "shop"\n');
    expect(stdout).toContain('    grpc = "127.0.0.1:7000/readiness"\n');
    expect((await emit(['consul'])).stdout).toContain('    http = "http://127.0.0.1:7664/readyz"\n');
    const { code, stderr } = await emit(['consul'], { http: false });
    expect([code, stderr]).toEqual([1, expect.stringContaining('Consul requires grpc or http, but both are false')]);
  });

  it.each([{ threads: 0 }, { loop: { livenessStall: 0 } }])(
    'kubernetes: names no liveness limit with %j',
    async (none) => {
      const { stdout } = await emit(['kubernetes'], { http: false, listen: [{ url: 'pong://0.0.0.0:7000' }], ...none });
      expect(stdout).not.toContain('loop.livenessStall');
    },
  );

  it.each([['haproxy'], ['blackbox']])('%s: reports that no listener can be reached', async (what) => {
    const { code, stderr } = await emit([what], { listen: [{ url: 'pong+unix:/run/pong.sock' }] });
    expect([code, stderr]).toEqual([1, expect.stringContaining('no listener is suitable for ')]);
  });

  it.each([[[]], [['nginx']]])('%j is a usage error', async (args) => {
    const { code, stderr } = await emit(args);
    expect([code, stderr]).toEqual([
      64,
      expect.stringContaining('allowed: one of haproxy, blackbox, kubernetes, envoy, consul'),
    ]);
  });
});
