import type { ReportedCheck } from '../health/report-view.js';
import { isHealthy, type State, states } from '../health/state.js';
import type { ProbeModule } from './module.js';
import { type ProbeContext, ProbeFailure, unhealthy } from './result.js';
import { open } from './transport.js';

/** Longer than any response line (SPEC "Line mode"). */
const MAX_LINE_BYTES = 4096;

/** Sends `ping` in line mode, as load balancers do. */
export async function probeLine(context: ProbeContext, { tls }: ProbeModule): Promise<void> {
  const { result, note } = context;
  const socket = await open(context, tls);
  try {
    const startedAt = performance.now();
    socket.end('ping\n');
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.includes('\n') || text.length > MAX_LINE_BYTES) break;
    }
    result.rtt = performance.now() - startedAt;
    const [, state = '', rest = ''] = /^pong (\S+)([^\n]*)\r?\n/.exec(text) ?? [];
    note(`response after ${result.rtt.toFixed(1)} ms: ${JSON.stringify(text.slice(0, 200))}`);
    if (text === '') throw new ProbeFailure('reset', 'the target closed the connection without a response');
    if (!states.includes(state as State)) throw new ProbeFailure('protocol', 'the response is not a pong line');
    result.state = state as State;
    result.checks = failingChecks(rest);
    if (!isHealthy(state)) throw unhealthy(state);
  } finally {
    socket.destroy();
  }
}

/** For example ` mysql=timeout redis=refused`. */
function failingChecks(rest: string): ReportedCheck[] {
  return [...rest.matchAll(/ ([^\s=]{1,64})=([a-z-]{1,32})/g)].map(([, name = '', reason = '']) => ({
    name,
    reason,
    state: 'fail',
    stale: false,
    critical: true,
    passes: 0,
    fails: 0,
    rise: 1,
    fall: 1,
  }));
}
