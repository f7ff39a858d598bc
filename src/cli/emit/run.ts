import { PongcheckError } from '../../common/errors.js';
import { readConfiguration } from '../../config/load.js';
import type { FileSettings } from '../../config/settings.js';
import { hostAndPort, parseAddress, type TcpAddress, type TlsAddress } from '../../net/address.js';
import { FrameType, PingFlag } from '../../wire/codes.js';
import { encodeFrame } from '../../wire/encode.js';
import { type FlagValues, UsageError } from '../parser.js';

/** What the flags say of HAProxy. */
interface Balancer {
  readonly servers: readonly string[];
  readonly mode: string;
}

/** What is told to whom, from what the responder is configured to be. */
const snippets: Readonly<Record<string, (settings: FileSettings, balancer: Balancer) => string[]>> = {
  haproxy,
  blackbox,
  kubernetes,
};

export async function emit(flags: FlagValues, what?: string): Promise<number> {
  const snippet = what === undefined || !Object.hasOwn(snippets, what) ? undefined : snippets[what];
  if (!snippet) {
    throw new UsageError(
      `emit takes one of ${Object.keys(snippets).join(', ')}${what === undefined ? '' : `, not ${JSON.stringify(what)}`}`,
    );
  }
  const servers = (flags.server as string[] | undefined) ?? [];
  const { mode = 'tcp' } = flags as { mode?: string };
  if (snippet !== haproxy) {
    for (const flag of ['server', 'mode'])
      if (flags[flag] !== undefined) throw new UsageError(`--${flag} is for haproxy, not for ${what}`);
  }
  if (mode !== 'tcp' && mode !== 'http') throw new UsageError(`--mode takes tcp or http, not ${JSON.stringify(mode)}`);
  for (const server of servers) {
    if (!isServer(server)) throw new UsageError(`--server ${JSON.stringify(server)} is not of the form HOST[:PORT]`);
  }
  const { settings } = await readConfiguration({ file: flags.config as string | undefined, env: process.env });
  process.stdout.write(`${snippet(settings, { servers, mode }).join('\n')}\n`);
  return 0;
}

function isServer(name: string): boolean {
  try {
    return parseAddress(`pong://${name}`).kind === 'tcp';
  } catch {
    return false;
  }
}

type Listener = FileSettings['listen'][number] & { readonly address: TcpAddress | TlsAddress };

/** The listener that is easiest to ask: without a token before all, because who asks so has none. */
function listenerOf({ listen }: FileSettings, who: string): Listener {
  const open = listen.flatMap((listener): Listener[] => {
    const address = parseAddress(listener.url);
    return address.kind === 'unix' || listener.requireToken ? [] : [{ ...listener, address }];
  });
  const [easiest] = open.sort((a, b) => difficulty(a) - difficulty(b));
  if (easiest) return easiest;
  throw new PongcheckError(
    'PONGCHECK_CONFIG',
    `no listener can be asked by ${who}: allowed is one over TCP or TLS, without requireToken`,
  );
}

function difficulty({ address, proxyProtocol }: Listener): number {
  return (address.kind === 'tls' ? 1 : 0) + (proxyProtocol ? 2 : 0);
}

const seconds = (ms: number) => `${Math.ceil(ms / 1000)}s`;
/** What a responder may take beyond its own deadline, for the way there and back. Milliseconds. */
const MARGIN = 500;

// -- HAProxy -------------------------------------------------------------------

function haproxy(settings: FileSettings, { servers, mode }: Balancer): string[] {
  const { address, proxyProtocol } = listenerOf(settings, 'HAProxy');
  const { port } = address;
  const overTls = address.kind === 'tls';
  // Its agent-check speaks neither TLS nor the PROXY protocol.
  const agent = !overTls && !proxyProtocol;
  const healthy = agent ? '124' : '12';
  const ping = encodeFrame({ type: FrameType.PING, flags: PingFlag.CLOSE, idHigh: 0, idLow: 0xaa }).toString('hex');
  const names =
    servers.length > 0 ? servers : [`${hostAndPort({ kind: 'tcp', host: reachable(address.host), port: 80 })}`];
  const check = [
    `check inter 2s fastinter 500ms fall 2 rise 2 port ${port}`,
    ...(overTls ? ['check-ssl check-alpn pongcheck/1 verify required ca-file /etc/haproxy/ca.pem'] : []),
    ...(proxyProtocol ? ['check-send-proxy'] : []),
    ...(agent ? [`agent-check agent-port ${port} agent-inter 2s agent-send "agent\\n"`] : []),
  ].join(' ');
  return [
    '# HAProxy, from 2.2 on. Written by: pongcheck emit haproxy',
    'backend pongcheck',
    `  mode ${mode}`,
    '  option tcp-check',
    '  tcp-check connect default',
    '  # A PING that asks for the close, so that no connection is left behind.',
    `  tcp-check send-binary ${ping}`,
    `  # A PONG that says ${agent ? 'pass, warn or draining' : 'pass or warn'}; HAProxy compares upper-case hex. With min-recv a bad one is told at once.`,
    `  tcp-check expect min-recv 16 rbinary ^0000000C0102..0[${healthy}]`,
    `  # Above the ${settings.ping.timeout} ms by which the responder answers always.`,
    `  timeout check ${settings.ping.timeout + MARGIN}ms`,
    ...(agent
      ? ['  # The agent makes draining a drain, no new load; the PING makes a frozen responder down.']
      : ['  # Without an agent (it speaks neither TLS nor the PROXY protocol) one that drains is down.']),
    ...(proxyProtocol
      ? [`  # This machine has to be in listen[].proxyProtocol.from: ${proxyProtocol.from.join(', ')}`]
      : []),
    `  default-server ${check}`,
    ...names.map((name, index) => `  server s${index + 1} ${name}`),
  ];
}

/** A listener for everyone is at no address that could be named here. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

// -- blackbox_exporter ---------------------------------------------------------

function blackbox(settings: FileSettings): string[] {
  const { address, proxyProtocol } = listenerOf(settings, 'blackbox_exporter');
  if (proxyProtocol) {
    throw new PongcheckError(
      'PONGCHECK_CONFIG',
      'blackbox_exporter speaks no PROXY protocol: it needs a listener without it',
    );
  }
  return [
    '# blackbox_exporter, from 0.19 on. Written by: pongcheck emit blackbox',
    '# Line mode, because before 0.28 it cannot read the octets of a PONG. After a bad status the responder closes,',
    '# so that the probe ends at once. Target: HOST:' + address.port,
    'modules:',
    '  pongcheck:',
    '    prober: tcp',
    `    # Above the ${settings.ping.timeout} ms by which the responder answers always; the scrape timeout has to be above this.`,
    `    timeout: ${seconds(settings.ping.timeout + MARGIN)}`,
    '    tcp:',
    ...(address.kind === 'tls' ? ['      tls: true', '      # tls_config: { ca_file: /etc/prometheus/ca.pem }'] : []),
    '      query_response:',
    '        - send: ping',
    '        - expect: "^pong (pass|warn)( .*)?$"',
  ];
}

// -- Kubernetes ----------------------------------------------------------------

/** Every answer by HTTP is out within 900 ms. */
const HTTP_PROBE = ['periodSeconds: 5', 'timeoutSeconds: 2'];

function kubernetes({ http, drain, listen }: FileSettings): string[] {
  const head = [
    '# Kubernetes: into the pod template. Written by: pongcheck emit kubernetes',
    `# More than drain.grace (${drain.grace} ms): SIGKILL comes after it.`,
    `terminationGracePeriodSeconds: ${Math.ceil(drain.grace / 1000) + 10}`,
    'containers:',
    '  - name: app',
  ];
  if (http === false) {
    const [url] = listen.filter(({ requireToken }) => !requireToken).map((listener) => listener.url);
    if (url === undefined)
      throw new PongcheckError('PONGCHECK_CONFIG', 'neither HTTP nor a listener without requireToken could be probed');
    const probe = (scope: string, ...more: string[]) => [
      `    ${scope}Probe:`,
      `      exec: { command: [pongcheck, ping, --exit, k8s, --scope, ${scope}, ${JSON.stringify(loopback(url))}] }`,
      ...more.map((line) => `      ${line}`),
    ];
    return [
      ...head,
      '    # A process for each probe: httpGet costs less, where http is not false.',
      ...probe('liveness', 'periodSeconds: 10', 'timeoutSeconds: 5', 'failureThreshold: 3'),
      ...probe('readiness', 'periodSeconds: 10', 'timeoutSeconds: 5', 'failureThreshold: 2'),
      ...probe('startup', 'periodSeconds: 5', 'timeoutSeconds: 5', 'failureThreshold: 60'),
    ];
  }
  const isLocal = /^(127\.|localhost$|::1$)/.test(http.host);
  const scheme = http.tls ? ', scheme: HTTPS' : '';
  const probe = (name: string, path: string, ...more: string[]) => [
    `    ${name}Probe:`,
    `      httpGet: { path: ${path}, port: ${http.port}${scheme} }`,
    ...[...HTTP_PROBE, ...more].map((line) => `      ${line}`),
  ];
  return [
    ...head,
    ...(isLocal
      ? [
          `    # http.host is ${http.host}, where the kubelet does not reach it.`,
          `    env: [{ name: PONGCHECK_HTTP, value: "0.0.0.0:${http.port}" }]`,
        ]
      : []),
    '    # Runs no check: a restart mends no database.',
    ...probe('liveness', '/livez', 'failureThreshold: 3'),
    ...probe('readiness', '/readyz', 'failureThreshold: 2'),
    ...probe('startup', '/startupz', 'failureThreshold: 60'),
  ];
}

function loopback(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//127.0.0.1');
}
