import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { CheckResult } from '../../src/health/check.js';
import { CheckFailure } from '../../src/health/reason.js';
import { start } from './started.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const once = { interval: 0, timeout: 5000 };

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
});
beforeEach(() => exporter.reset());
afterAll(async () => {
  trace.disable();
  context.disable();
  await provider.shutdown();
});

/** The finished spans with this name. */
const spansOf = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
async function spanOf(name: string) {
  while (spansOf(name).length === 0) await new Promise((resolve) => setImmediate(resolve));
  return spansOf(name)[0];
}

describe('the span of a run', () => {
  it('has the name, kind, status and reason of the check, its duration, and no output', async () => {
    await start({
      checks: {
        good: { ...once, kind: 'function', run: async () => ({ status: 'pass', output: 'hush' }) },
        weak: { ...once, kind: 'own', run: async () => ({ status: 'warn', reason: 'lag', output: 'hush' }) },
        bad: {
          ...once,
          kind: 'function',
          run: async () => {
            throw new CheckFailure('refused', 'hush');
          },
        },
        slow: { ...once, timeout: 20, kind: 'function', run: () => new Promise(() => {}) },
      },
    });
    const { UNSET, ERROR } = SpanStatusCode;
    const expected = [
      ['good', 'function', 'pass', undefined, UNSET],
      ['weak', 'own', 'warn', 'lag', UNSET],
      ['bad', 'function', 'fail', 'refused', ERROR],
      ['slow', 'function', 'fail', 'timeout', ERROR],
    ] as const;
    for (const [name, kind, status, reason, code] of expected) {
      const span = await spanOf(`check ${name}`);
      expect(span).toMatchObject({ kind: SpanKind.INTERNAL, status: { code }, ended: true });
      expect(span?.parentSpanContext).toBeUndefined();
      expect(span?.attributes).toEqual({
        'pongcheck.check.name': name,
        'pongcheck.check.kind': kind,
        'pongcheck.check.status': status,
        ...(reason && { 'pongcheck.check.reason': reason }),
      });
      expect(span?.status.message).toBe(code === ERROR ? reason : undefined);
      expect(span?.events).toEqual([]);
      const [seconds = 0, nanoseconds = 0] = span?.duration ?? [];
      if (name === 'slow') expect(seconds + nanoseconds / 1e9).toBeGreaterThan(0.015);
    }
  });

  it('is the parent of spans that the check creates, and has no parent itself', async () => {
    const tracer = trace.getTracer('application');
    const query = async (): Promise<CheckResult> => {
      tracer.startActiveSpan('query', (span) => span.end());
      return { status: 'pass' };
    };
    await tracer.startActiveSpan('startup of the application', async (outer) => {
      await start({
        checks: {
          own: { ...once, kind: 'function', run: query },
        },
      });
      outer.end();
    });
    const run = await spanOf('check own');
    expect(run?.parentSpanContext).toBeUndefined();
    expect((await spanOf('query'))?.parentSpanContext?.spanId).toBe(run?.spanContext().spanId);
  });

  it('ends without a status when the service is stopped', async () => {
    let hasStarted = false;
    const service = await start({
      checks: {
        endless: {
          ...once,
          timeout: 60_000,
          kind: 'function',
          run: (signal) => {
            hasStarted = true;
            return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          },
        },
      },
    });
    while (!hasStarted) await new Promise((resolve) => setImmediate(resolve));
    await service.stop();
    expect(spansOf('check endless').map(({ attributes }) => attributes)).toEqual([
      { 'pongcheck.check.name': 'endless', 'pongcheck.check.kind': 'function' },
    ]);
  });

  it('is omitted if the application’s tracing system throws, and the check still runs', async () => {
    trace.disable();
    trace.setGlobalTracerProvider({
      getTracer() {
        throw new Error('broken');
      },
    });
    try {
      const service = await start({
        checks: { own: { ...once, kind: 'function', run: async () => ({ status: 'pass' }) } },
      });
      while (service.health.stateOf('readiness') !== 'pass') await new Promise((resolve) => setImmediate(resolve));
    } finally {
      trace.disable();
      trace.setGlobalTracerProvider(provider);
    }
  });
});
