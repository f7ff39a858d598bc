import type { DefinedCheck } from '../health/defined-check.js';
import type { NormalizedResult } from '../health/result.js';
import type { RunTrace, RunTracer } from '../health/runs/trace.js';

/** `SpanStatusCode.ERROR`. */
const ERROR = 2;
const TRACER = 'pongcheck';

interface Span {
  setAttributes(attributes: Readonly<Record<string, string>>): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

/**
 * The members of `@opentelemetry/api` that are used here. Declared here so that compiling with this package does not
 * require its types.
 */
interface OpenTelemetry {
  readonly ROOT_CONTEXT: object;
  readonly trace: {
    getTracer(name: string): { startSpan(name: string, options: object, context: object): Span };
    setSpan(context: object, span: Span): object;
  };
  readonly context: { with<T>(context: object, call: () => T): T };
}

/** Loads `@opentelemetry/api`, an optional peer dependency. Resolves with undefined if it is not installed. */
export async function loadTracer(): Promise<RunTracer | undefined> {
  try {
    const api = (await import('@opentelemetry/api')) as unknown as OpenTelemetry;
    return { begin: (check) => SpanTrace.begin(api, check) ?? untraced };
  } catch {
    // Not installed, or another major version.
    return undefined;
  }
}

const untraced: RunTrace = { within: (call) => call(), end: () => {} };

/**
 * One span per run. It has no parent, because all callers share a run. Outputs are omitted, because the tracing system
 * may be accessible to more people than the reports.
 */
class SpanTrace implements RunTrace {
  private constructor(
    private readonly api: OpenTelemetry,
    private readonly span: Span,
  ) {}

  /** Returns undefined if the application's tracing system fails. */
  static begin(api: OpenTelemetry, { name, kind }: DefinedCheck): SpanTrace | undefined {
    try {
      const attributes = { 'pongcheck.check.name': name, 'pongcheck.check.kind': kind };
      // Requested from the API each time, because the application may register its tracing system later.
      const tracer = api.trace.getTracer(TRACER);
      return new SpanTrace(api, tracer.startSpan(`check ${name}`, { attributes }, api.ROOT_CONTEXT));
    } catch {
      return undefined;
    }
  }

  within<T>(call: () => T): T {
    const { api, span } = this;
    return api.context.with(api.trace.setSpan(api.ROOT_CONTEXT, span), call);
  }

  end(result?: NormalizedResult): void {
    const { span } = this;
    try {
      if (result) {
        const { status, reason } = result;
        span.setAttributes({
          'pongcheck.check.status': status,
          ...(reason !== undefined && { 'pongcheck.check.reason': reason }),
        });
        if (status === 'fail' || status === 'unknown') span.setStatus({ code: ERROR, message: reason ?? status });
      }
      span.end();
    } catch {
      // A failure of the tracing system is not a failure of the check.
    }
  }
}
