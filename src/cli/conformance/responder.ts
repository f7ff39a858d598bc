import type { CheckDefinition } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import type { ServiceOptions } from '../../service/options.js';
import { createService, type Service } from '../../service/service.js';
import type { Subject } from './play.js';
import type { Wanted } from './session.js';

/** No session waits for it, on the busiest machine. */
const LONG = 60_000;
/** Longer than a glance, shorter than any deadline of a session. */
const SLOW = 400;
const SETTLING = 2000;
/** How long the first runs may take, on the busiest machine. */
const SETTLED_WITHIN = 30_000;

/** What a check of a session does. */
const kinds: Readonly<Record<string, () => CheckDefinition>> = {
  pass: () => of(async () => {}),
  fail: () =>
    of(async () => {
      throw new CheckFailure('refused', 'nothing listens');
    }),
  /** Passes in the end. */
  slow: () => ({
    ...of(() => new Promise((resolve) => setTimeout(resolve, SLOW).unref())),
    interval: 0,
  }),
  hang: () => ({ ...of(() => new Promise(() => {})), interval: 0 }),
  /** Passes once, and hangs from then on. */
  once: () => {
    let runs = 0;
    return { ...of(() => (runs++ === 0 ? undefined : new Promise(() => {}))), interval: 0 };
  },
  /** Another result each time. */
  flip: () => {
    let runs = 0;
    return { ...of(() => runs++ % 2 === 0), interval: 150, minInterval: 50 };
  },
  /** Passes and fails by turns for 2 s, and warns from then on. */
  settles: () => {
    let runs = 0;
    const until = performance.now() + SETTLING;
    return { ...of(() => (performance.now() < until ? runs++ % 2 === 0 : 'warn')), interval: 50, minInterval: 10 };
  },
  /** Asks another responder, which does not answer. */
  remote: () => ({ ...of(() => new Promise(() => {})), kind: 'pingpong', interval: 0 }),
};

function of(run: () => unknown): CheckDefinition {
  return {
    kind: 'function',
    timeout: LONG,
    run: async () => {
      const result = await run();
      if (result === 'warn') return { status: 'warn' };
      return result === false ? { status: 'fail', reason: 'refused' } : { status: 'pass' };
    },
  };
}

/** A responder of our own, as a session wants it, whose checks have their first results as far as they get any. */
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

function optionsOf({ checks = {}, requireToken, proxyProtocol, ...options }: Wanted): ServiceOptions {
  return {
    ...options,
    http: false,
    listen: [
      { url: 'pong://127.0.0.1:0', ...(requireToken && { requireToken }), ...(proxyProtocol && { proxyProtocol }) },
    ],
    checks: Object.fromEntries(Object.entries(checks).flatMap(([name, word]) => checksOf(name, word))),
    drain: { grace: 3000, delay: 0 },
  };
}

function checksOf(name: string, word: string): [string, CheckDefinition][] {
  const [kind = '', count] = word.split('*');
  const make = kinds[kind] as () => CheckDefinition;
  if (count === undefined) return [[name, make()]];
  return Array.from({ length: Number(count) }, (_, n) => [
    `${name}-${n}-of-${count}-with-a-name-of-some-length`,
    make(),
  ]);
}

/** Waits for the first run of each check whose runs end. */
async function settled({ health }: Service, checks: Readonly<Record<string, string>>): Promise<void> {
  const endless = new Set(Object.keys(checks).filter((name) => ['hang', 'remote'].includes(checks[name] as string)));
  const until = performance.now() + SETTLED_WITHIN;
  while (performance.now() < until && health.checks.some(({ name, stats }) => stats.runs === 0 && !endless.has(name))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
