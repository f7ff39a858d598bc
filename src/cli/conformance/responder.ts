import type { CheckDefinition } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import type { ServiceOptions } from '../../service/options.js';
import { createService, type Service } from '../../service/service.js';
import type { Subject } from './play.js';
import type { Wanted } from './session.js';

/** Longer than any session. */
const LONG_MS = 60_000;
/** Longer than an immediate answer, shorter than any deadline of a session. */
const SLOW_MS = 400;
const SETTLING_MS = 2000;
/** Timeout of the first runs, also on a busy machine. */
const FIRST_RUNS_TIMEOUT_MS = 30_000;

/** Behaviours of checks. */
const kinds: Readonly<Record<string, () => CheckDefinition>> = {
  /** Results stand for the whole session: on a busy machine, runs of many checks take longer than the default max age. */
  pass: () => ({ ...of(async () => {}), maxAge: LONG_MS }),
  fail: () =>
    of(async () => {
      throw new CheckFailure('refused', 'nothing listens');
    }),
  /** Passes after 400 ms. */
  slow: () => ({
    ...of(() => new Promise((resolve) => setTimeout(resolve, SLOW_MS).unref())),
    interval: 0,
  }),
  hang: () => ({ ...of(() => new Promise(() => {})), interval: 0 }),
  /** Passes once, then hangs. */
  once: () => {
    let runs = 0;
    return { ...of(() => (runs++ === 0 ? undefined : new Promise(() => {}))), interval: 0 };
  },
  /** Alternates between pass and fail. */
  flip: () => {
    let runs = 0;
    return { ...of(() => runs++ % 2 === 0), interval: 150, minInterval: 50 };
  },
  /** Alternates between pass and fail for 2 s, then warns. */
  settles: () => {
    let runs = 0;
    const until = performance.now() + SETTLING_MS;
    return { ...of(() => (performance.now() < until ? runs++ % 2 === 0 : 'warn')), interval: 50, minInterval: 10 };
  },
  /** Queries another responder, which does not answer. */
  remote: () => ({ ...of(() => new Promise(() => {})), kind: 'pingpong', interval: 0 }),
};

function of(run: () => unknown): CheckDefinition {
  return {
    kind: 'function',
    timeout: LONG_MS,
    run: async () => {
      const result = await run();
      if (result === 'warn') return { status: 'warn' };
      return result === false ? { status: 'fail', reason: 'refused' } : { status: 'pass' };
    },
  };
}

/** Starts a responder with these settings, and waits for the first results of its checks. */
export async function startResponder(wanted: Wanted): Promise<Subject & { stop(): Promise<void> }> {
  const service = createService(optionsOf(wanted));
  await service.start();
  await settled(service, wanted.checks ?? {});
  const port = Number(/:(\d+)$/.exec(service.addresses[0] as string)?.[1]);
  return {
    host: '127.0.0.1',
    port,
    operate: (step) => {
      if (step.operator === 'reload') void service.reload(optionsOf(step.responder));
      else void (step.operator === 'drain' ? service.drain() : service.stop());
    },
    stop: () => service.stop(),
  };
}

function optionsOf({ checks = {}, groups = {}, requireToken, proxyProtocol, ...options }: Wanted): ServiceOptions {
  return {
    ...options,
    http: false,
    listen: [
      { url: 'pong://127.0.0.1:0', ...(requireToken && { requireToken }), ...(proxyProtocol && { proxyProtocol }) },
    ],
    checks: Object.fromEntries(Object.entries(checks).flatMap(([name, word]) => checksOf(name, word, groups[name]))),
    drain: { grace: 3000, delay: 0 },
  };
}

function checksOf(name: string, word: string, groups?: readonly string[]): [string, CheckDefinition][] {
  const [kind = '', count] = word.split('*');
  const create = kinds[kind] as () => CheckDefinition;
  const make = () => ({ ...create(), ...(groups && { groups }) });
  if (count === undefined) return [[name, make()]];
  return Array.from({ length: Number(count) }, (_, n) => [
    `${name}-${n}-of-${count}-with-a-name-of-some-length`,
    make(),
  ]);
}

/** Waits for the first run of each check whose runs end, and until all threads have the results. */
async function settled(service: Service, checks: Readonly<Record<string, string>>): Promise<void> {
  const { health } = service;
  const endless = new Set(Object.keys(checks).filter((name) => ['hang', 'remote'].includes(checks[name] as string)));
  const until = performance.now() + FIRST_RUNS_TIMEOUT_MS;
  while (performance.now() < until && health.checks.some(({ name, stats }) => stats.runs === 0 && !endless.has(name))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // A thread answers after it has taken the updates before; with the second answer, also the one that waited for those.
  for (let answers = 0; answers < 2; answers++) await service.connections();
}
