import type { CheckDefinition } from '../../health/check.js';
import { CheckFailure, type Reason } from '../../health/reason.js';
import type { ServiceOptions } from '../../service/options.js';
import { createService, type Service } from '../../service/service.js';
import type { Subject } from './play.js';
import type { OperatorStep, Wanted } from './session.js';

/** Longer than any session. */
const LONG_MS = 60_000;
/** Longer than an immediate answer, shorter than any deadline of a session. */
const SLOW_MS = 400;
const SETTLING_MS = 2000;
/** Timeout of the first runs, also on a busy machine. */
const FIRST_RUNS_TIMEOUT_MS = 30_000;

/** Check behaviors by name. */
const kinds: Readonly<Record<string, (detail?: string) => CheckDefinition>> = {
  /**
   * The results remain valid for the whole session. On a busy machine, running many checks takes longer than the
   * default max age.
   */
  pass: () => ({ ...of(async () => {}), maxAge: LONG_MS }),
  /** Fails with the reason after the colon, by default `refused`. */
  fail: (reason = 'refused') =>
    of(async () => {
      throw new CheckFailure(reason as Reason, 'nothing listens');
    }),
  warn: () => of(() => 'warn'),
  /** Passes after 400 ms. The max age follows the colon. By default, it is longer than any session. */
  slow: (maxAge) => ({
    ...of(() => new Promise((resolve) => setTimeout(resolve, SLOW_MS).unref())),
    interval: 0,
    maxAge: Number(maxAge ?? LONG_MS),
  }),
  hang: () => ({ ...of(() => new Promise(() => {})), interval: 0 }),
  /** Passes once, then hangs. The max age follows the colon. */
  once: (maxAge) => {
    let runs = 0;
    const check = of(() => (runs++ === 0 ? undefined : new Promise(() => {})));
    return { ...check, interval: 0, maxAge: Number(maxAge ?? LONG_MS) };
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

/** Starts a responder with these settings on a port (0: any), and waits for the first results of its checks. */
export async function startResponder(wanted: Wanted, onPort = 0): Promise<Subject & { stop(): Promise<void> }> {
  let options = optionsOf(wanted, onPort);
  const service = createService(options);
  await service.start();
  await settled(service, wanted.checks ?? {});
  const operate = (step: OperatorStep) => {
    if ('set' in step) return setChecks(service, options.checks, step.set);
    if (step.operator === 'reload') {
      options = optionsOf(step.responder, onPort);
      void service.reload(options);
    } else void (step.operator === 'drain' ? service.drain() : service.stop());
    return undefined;
  };
  const port = Number(/:(\d+)$/.exec(service.addresses[0] as string)?.[1]);
  return { host: '127.0.0.1', port, operate, stop: () => service.stop() };
}

type Options = ServiceOptions & { readonly checks: Readonly<Record<string, CheckDefinition>> };

function optionsOf(
  { checks = {}, groups = {}, requireToken, proxyProtocol, ...options }: Wanted,
  port: number,
): Options {
  return {
    ...options,
    http: false,
    listen: [
      {
        url: `pong://127.0.0.1:${port}`,
        ...(requireToken && { requireToken }),
        ...(proxyProtocol && { proxyProtocol }),
      },
    ],
    checks: Object.fromEntries(Object.entries(checks).flatMap(([name, word]) => checksOf(name, word, groups[name]))),
    drain: { grace: 3000, delay: 0 },
  };
}

function checksOf(name: string, word: string, groups?: readonly string[]): [string, CheckDefinition][] {
  const [kind = '', count] = word.split('*');
  const make = () => ({ ...checkOf(kind), ...(groups && { groups }) });
  if (count === undefined) return [[name, make()]];
  return Array.from({ length: Number(count) }, (_, n) => [
    `${name}-${n}-of-${count}-with-a-name-of-some-length`,
    make(),
  ]);
}

function checkOf(word: string): CheckDefinition {
  const [kind = '', detail] = word.split(':');
  return (kinds[kind] as (detail?: string) => CheckDefinition)(detail);
}

/**
 * Changes the behavior of checks, and waits until each check whose runs end has run. The time settings of a check are
 * kept.
 */
async function setChecks(service: Service, definitions: Options['checks'], set: Readonly<Record<string, string>>) {
  const checks = Object.keys(set).filter((name) => !endless.has(set[name] as string));
  for (const [name, word] of Object.entries(set)) {
    (definitions[name] as CheckDefinition).run = checkOf(word).run;
  }
  const query = { scope: 'readiness', checks, maxAge: 0, timeout: FIRST_RUNS_TIMEOUT_MS, hops: 0 } as const;
  if (checks.length > 0) await new Promise<void>((resolve) => void service.health.ask(query, () => resolve()));
  await delivered(service);
}

/** Behaviors whose runs never end. */
const endless = new Set(['hang', 'remote']);

/** Waits for the first run of each check whose runs end. */
async function settled(service: Service, checks: Readonly<Record<string, string>>): Promise<void> {
  const { health } = service;
  const isEndless = (name: string) => endless.has(checks[name] ?? '');
  const until = performance.now() + FIRST_RUNS_TIMEOUT_MS;
  while (performance.now() < until && health.checks.some(({ name, stats }) => stats.runs === 0 && !isEndless(name))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await delivered(service);
}

/** Waits until all threads have received the latest results. */
async function delivered(service: Service): Promise<void> {
  // A thread answers after it has taken all earlier updates. The second answer covers updates that were waiting for
  // those.
  for (let answers = 0; answers < 2; answers++) await service.connections();
}
