import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type Clock, systemClock } from '../../common/clock.js';
import { type GrpcJs, type GrpcJsClient, loadGrpcJs } from '../../grpc/grpc-js.js';
import { decodeResponse, encodeRequest, ServingStatus } from '../../grpc/messages.js';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { Renewal } from '../shared/renewal.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { hostOf, readUrl, targetOfUrl } from '../shared/url.js';
import { grpcFailure } from './failure.js';
import { grpcOptions } from './options.js';

const KIND = 'grpc';
const METHOD = '/grpc.health.v1.Health/Check';
const lossReasons: ReadonlySet<Reason> = new Set(['reset', 'refused', 'unreachable']);
const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': 4096,
  'grpc.max_metadata_size': 8192,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
};

/**
 * Sent as the server name to an IP address. grpc-js always sends a name, which must not be an IP address (RFC 6066):
 * Node.js 26 throws an error.
 */
const NO_NAME = 'ip-address.invalid';

/** Options of the `grpc` check. */
export interface GrpcCheckOptions extends CheckSettings {
  /** `grpc://HOST:PORT`, or `grpcs://HOST:PORT` for TLS. */
  url: string;
  /** Name of the service to query. Default: the server as a whole. */
  service?: string;
  /** TLS settings for `grpcs://`. */
  tls?: TlsOptions;
}

/**
 * Checks another service with `grpc.health.v1`: one Check call per run, on a connection that is renewed at least every
 * 10 s. Any status other than SERVING is a failure (`dependency`), except that a status of unknown is reported as
 * unknown. Requires the package `@grpc/grpc-js`.
 *
 * @param clock time source, for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function grpcCheck(given: GrpcCheckOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options } = parseCheckOptions<GrpcCheckOptions>(KIND, grpcOptions, given);
  const { service = '', tls } = options;
  const url = readUrl(KIND, options.url, ['grpc', 'grpcs']);
  if (url.port === '') throw invalidOption(KIND, ['url'], 'a URL without a port', 'grpc://HOST:PORT');
  if (url.username !== '' || url.password !== '') {
    throw invalidOption(KIND, ['url'], 'a URL with credentials', 'grpc://HOST:PORT');
  }
  const isTls = url.protocol === 'grpcs:';
  if (tls && !isTls) throw invalidOption(KIND, ['tls'], 'given without grpcs://', 'only with a grpcs:// URL');
  const { ca, key, cert, servername, ...verify } = readTls(KIND, tls ?? {});
  const name = servername ?? hostOf(url);
  const identity = (_name: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate);
  const channelOptions = { ...CHANNEL_OPTIONS, 'grpc.ssl_target_name_override': isIP(name) ? NO_NAME : name };
  const connect = ({ Client, credentials }: GrpcJs) => {
    const options = { ...verify, checkServerIdentity: identity };
    const tlsCredentials = () => credentials.createSsl(ca ?? null, key ?? null, cert ?? null, options);
    return new Client(url.host, isTls ? tlsCredentials() : credentials.createInsecure(), channelOptions);
  };
  const check = new GrpcCheck(connect, service, clock);
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: `${targetOfUrl(url)}${service === '' ? '' : ` ${service}`}`,
    load: () => loadGrpcJs('the kind grpc'),
    run: (signal, deadline) => check.run(signal, deadline),
    close: () => check.close(),
  };
}

class GrpcCheck {
  /** The connection that is kept between runs. */
  private client: GrpcJsClient | undefined;
  private readonly renewal = new Renewal();
  private closed = false;

  constructor(
    private readonly connect: (grpcJs: GrpcJs) => GrpcJsClient,
    private readonly service: string,
    private readonly clock: Clock,
  ) {}

  async run(signal: AbortSignal, deadline: number): Promise<CheckResult> {
    const grpcJs = await orAbort(loadGrpcJs('the kind grpc'), signal);
    if (this.renewal.isDue(this.clock.now())) this.drop();
    if (this.client) {
      try {
        return await this.ask(this.client, signal, deadline);
      } catch (error) {
        // The service may have restarted, or may have closed an idle connection.
        if (signal.aborted || !lossReasons.has((error as CheckFailure).reason)) throw error;
      }
    }
    if (this.closed) throw new CheckFailure('internal', 'the check is closed');
    this.client = this.connect(grpcJs);
    this.renewal.connected(this.clock.now());
    return this.ask(this.client, signal, deadline);
  }

  close(): void {
    this.closed = true;
    this.drop();
  }

  private drop(): void {
    this.client?.close();
    this.client = undefined;
  }

  private async ask(client: GrpcJsClient, signal: AbortSignal, deadline: number): Promise<CheckResult> {
    let cancel = () => {};
    const answer = new Promise<number>((resolve, reject) => {
      const callback = (error: { code: number; details: string } | null, status = 0) =>
        error ? reject(grpcFailure(error)) : resolve(status);
      // The deadline is wall-clock time. It is sent to the service as the call's timeout.
      const until = this.clock.wall() + Math.max(1, deadline - this.clock.now());
      const request = { service: this.service };
      const options = { deadline: until };
      const call = client.makeUnaryRequest(METHOD, encodeRequest, decodeResponse, request, options, callback);
      cancel = () => call.cancel();
    });
    try {
      return evaluate(await orAbort(answer, signal));
    } catch (error) {
      cancel();
      if (this.client === client) this.drop();
      throw error;
    }
  }
}

function evaluate(status: number): CheckResult {
  const [name = String(status)] = Object.entries(ServingStatus).find(([, value]) => value === status) ?? [];
  const observed = { observedValue: name, observedUnit: 'status' };
  if (status === ServingStatus.SERVING) return { status: 'pass', ...observed };
  const state = status === ServingStatus.UNKNOWN ? 'unknown' : 'fail';
  return { status: state, reason: 'dependency', output: `the service reports ${name}`, ...observed };
}
