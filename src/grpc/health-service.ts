import type { Clock, Timer } from '../common/clock.js';
import { type Health, type Selection, type Subscription, scopes, type Withdraw } from '../health/health.js';
import type { State } from '../health/state.js';
import { type Pushing, PushQueue } from '../server/protocol/push-queue.js';
import type { ServerSettings } from '../server/settings.js';
import { afterNextPoll } from '../server/sockets/after-next-poll.js';
import {
  type Call,
  type Callback,
  type CallError,
  GrpcCode,
  type GrpcJsServer,
  type StreamingCall,
} from './grpc-js.js';
import { decodeRequest, encodeList, encodeResponse, ServingStatus } from './messages.js';
import type { GrpcStats, GrpcStatus } from './stats.js';

/** Maximum number of open Watch calls over all connections. */
const MAX_WATCHES = 10_000;
/**
 * Maximum number of Watch messages per turn of the event loop. Most of the work for a message is done after `write` has
 * returned.
 */
const MESSAGES_PER_TURN = 16;
/**
 * Maximum number of calls that wait for runs. Further calls get the latest known status, so that a flood does not queue
 * up.
 */
const MAX_WAITING = 1000;
/** Fraction of a caller's remaining time that is reserved for the network, and its maximum in milliseconds. */
const MARGIN_SHARE = 1 / 5;
const MAX_MARGIN_MS = 100;

const UNKNOWN_SERVICE: CallError = { code: GrpcCode.NOT_FOUND, details: 'unknown service' };
const TOO_MANY_WATCHES: CallError = { code: GrpcCode.RESOURCE_EXHAUSTED, details: 'too many watches' };
const NOT_READ: CallError = { code: GrpcCode.UNAVAILABLE, details: 'the client does not read its messages' };
const STOPPING: CallError = { code: GrpcCode.UNAVAILABLE, details: 'the service is stopping' };

/** The health of a service, with the names of its groups. */
export type NamedHealth = Health & { groups(): readonly string[] };

/** Settings of the service that also apply to gRPC. A reload replaces them. */
export type HealthServiceSettings = Pick<ServerSettings, 'ping' | 'limits'>;

/** gRPC status by state. A kubelet, like every gRPC client, treats all statuses other than SERVING alike. */
const statusOf: Readonly<Record<State, Exclude<GrpcStatus, 'NOT_FOUND'>>> = {
  pass: 'SERVING',
  warn: 'SERVING',
  fail: 'NOT_SERVING',
  draining: 'NOT_SERVING',
  starting: 'NOT_SERVING',
  unknown: 'UNKNOWN',
  'not-found': 'SERVICE_UNKNOWN',
};

/** The methods of `grpc.health.v1.Health`, in the form that grpc-js requires. */
const definition = {
  check: method('Check', false, decodeRequest, encodeResponse),
  watch: method('Watch', true, decodeRequest, encodeResponse),
  list: method('List', false, () => ({}), encodeList),
};

function method<Q, R>(
  name: string,
  responseStream: boolean,
  requestDeserialize: (bytes: Buffer) => Q,
  responseSerialize: (response: R) => Buffer,
): object {
  const path = `/grpc.health.v1.Health/${name}`;
  return { path, requestStream: false, responseStream, requestDeserialize, responseSerialize };
}

/**
 * The gRPC health service (grpc.health.v1). A service name is `''` or `readiness`, `liveness`, `startup`, the name of a
 * group, or the name of a check, in this order of precedence. Answers contain only a status. List does not include
 * checks, because check names are details.
 */
export class HealthService {
  private readonly waiting = new Set<() => void>();
  private readonly watches = new Set<Watch>();
  private readonly pushes: PushQueue;

  constructor(
    private readonly health: NamedHealth,
    public settings: HealthServiceSettings,
    private readonly stats: GrpcStats,
    private readonly clock: Clock,
  ) {
    this.pushes = new PushQueue(clock, MESSAGES_PER_TURN);
  }

  /** Adds the methods to a grpc-js server, which throws if it already has a health service. */
  addTo(server: GrpcJsServer): void {
    server.addService(definition, {
      check: (call: Call, callback: Callback<ServingStatus>) => this.check(call, callback),
      watch: (call: StreamingCall<ServingStatus>) => this.watch(call),
      list: (call: Call, callback: Callback<ReadonlyMap<string, ServingStatus>>) => this.list(call, callback),
    });
  }

  /** Answers the waiting calls with the latest known status. Ends Watch calls after their latest status. */
  close(): void {
    for (const answer of this.waiting) answer();
    for (const watch of this.watches) {
      watch.push();
      watch.end(STOPPING);
    }
  }

  private check(call: Call, callback: Callback<ServingStatus>): void {
    this.ask(call, [call.request.service], ([state]) => {
      const status = statusOf[state as State];
      if (status === 'SERVICE_UNKNOWN') {
        this.stats.sent.Check.NOT_FOUND++;
        return callback(UNKNOWN_SERVICE);
      }
      this.stats.sent.Check[status]++;
      callback(null, ServingStatus[status]);
    });
  }

  private list(call: Call, callback: Callback<ReadonlyMap<string, ServingStatus>>): void {
    const services = [...new Set(['', ...scopes, ...this.health.groups()])];
    this.ask(call, services, (states) => {
      callback(
        null,
        new Map(services.map((service, index) => [service, ServingStatus[statusOf[states[index] as State]]])),
      );
    });
  }

  /**
   * Calls `answer` once with the state of each service, as soon as all are known, but no later than at the deadline of
   * the call.
   */
  private ask(call: Call, services: readonly string[], answer: (states: readonly State[]) => void): void {
    const { health, waiting } = this;
    const selections = services.map((service) => this.selectionOf(service));
    let isAnswered = false;
    const withdraw = askAll(health, selections, waiting.size < MAX_WAITING ? this.timeoutOf(call) : 0, finish);
    if (isAnswered) return;
    waiting.add(answerNow);
    call.on('cancelled', end);

    function finish(states: readonly State[]): void {
      isAnswered = true;
      waiting.delete(answerNow);
      answer(states);
    }
    function answerNow(): void {
      withdraw();
      askAll(health, selections, 0, finish);
    }
    function end(): void {
      withdraw();
      waiting.delete(answerNow);
    }
  }

  private timeoutOf(call: Call): number {
    // grpc-js computes the deadline with the wall clock.
    const left = Number(call.getDeadline()) - this.clock.wall();
    const margin = Math.min(MAX_MARGIN_MS, left * MARGIN_SHARE);
    return Math.max(0, Math.min(this.settings.ping.timeout, left - margin));
  }

  private selectionOf(service: string): Selection {
    const scope = scopeOf(service);
    if (scope) return { scope };
    const selects = this.health.groups().includes(service) ? { group: service } : { checks: [service] };
    return { scope: 'readiness', ...selects };
  }

  private watch(call: StreamingCall<ServingStatus>): void {
    const refuse = () => {
      this.stats.refused['max-watches']++;
      call.emit('error', TOO_MANY_WATCHES);
    };
    if (this.watches.size >= MAX_WATCHES) return refuse();
    const { clock, stats, pushes, settings } = this;
    const { maxWatchedSelections, stallTimeout } = settings.limits;
    const watch: Watch = new Watch(call, { clock, stats, pushes, stallTimeout }, () => this.watches.delete(watch));
    // A reload may later add a group or a check with this name.
    const { service } = call.request;
    const scope = scopeOf(service);
    const named: Selection[] = [
      { scope: 'readiness', group: service },
      { scope: 'readiness', checks: [service] },
    ];
    const selections = scope ? [{ scope }] : named;
    for (const selection of selections) {
      const subscription = this.health.watch(selection, () => pushes.add(watch), maxWatchedSelections);
      if (!subscription) {
        watch.end();
        return refuse();
      }
      watch.subscriptions.push(subscription);
    }
    this.watches.add(watch);
    call.on('cancelled', () => watch.end());
    watch.push();
  }
}

/** Calls `done` once, with the state of each selection. */
function askAll(
  health: Health,
  selections: readonly Selection[],
  timeout: number,
  done: (states: readonly State[]) => void,
): Withdraw {
  const states: State[] = [];
  let missing = selections.length;
  const withdraws = selections.map((selection, index) =>
    health.ask({ ...selection, timeout, hops: 0 }, ({ state }) => {
      states[index] = state;
      missing--;
      if (missing === 0) done(states);
    }),
  );
  return () => {
    for (const withdraw of withdraws) withdraw();
  };
}

/** The scope with this name; readiness for an empty name. */
function scopeOf(service: string): Selection['scope'] | undefined {
  return service === '' ? 'readiness' : scopes.find((scope) => scope === service);
}

interface WatchContext {
  readonly clock: Clock;
  readonly stats: GrpcStats;
  readonly pushes: PushQueue;
  /** Maximum time during which the client does not read a message, in milliseconds. */
  readonly stallTimeout: number;
}

/**
 * One Watch call. A change only marks it as due. The message is sent with the current status after the previous message
 * was taken, so a slow client has at most one waiting message and receives the latest status.
 */
class Watch implements Pushing {
  /** Subscriptions to the selections that the name may denote. The first one that exists applies. */
  readonly subscriptions: Subscription[] = [];
  private sent: GrpcStatus | undefined;
  private isWriting = false;
  private isEnded = false;
  private timer: Timer;

  constructor(
    private readonly call: StreamingCall<ServingStatus>,
    private readonly context: WatchContext,
    private readonly onEnded: () => void,
  ) {
    context.stats.watches++;
  }

  push(): number {
    const status = this.status();
    if (this.isWriting || this.isEnded || status === this.sent) return 0;
    const { clock, stats, pushes, stallTimeout } = this.context;
    this.sent = status;
    this.isWriting = true;
    this.timer = clock.after(stallTimeout, () => this.endIfUnread());
    stats.sent.Watch[status]++;
    this.call.write(ServingStatus[status], () => {
      this.isWriting = false;
      clock.clear(this.timer);
      if (!this.isEnded) pushes.add(this);
    });
    return 1;
  }

  /** Ends the call with `error`. Without an error, the call has already ended. */
  end(error?: CallError): void {
    if (this.isEnded) return;
    const { clock, stats, pushes } = this.context;
    this.isEnded = true;
    stats.watches--;
    clock.clear(this.timer);
    pushes.delete(this);
    for (const subscription of this.subscriptions) subscription.end();
    this.onEnded();
    if (error) this.call.emit('error', error);
  }

  private status(): Exclude<GrpcStatus, 'NOT_FOUND'> {
    const states = this.subscriptions.map(({ answer }) => answer.state);
    return statusOf[states.find((state) => state !== 'not-found') ?? 'not-found'];
  }

  private async endIfUnread(): Promise<void> {
    // After an event loop stall, the message may already have been taken.
    await afterNextPoll();
    if (this.isWriting) this.end(NOT_READ);
  }
}
