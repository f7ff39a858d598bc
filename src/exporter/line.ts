import type { ReportedCheck } from '../health/report-view.js';
import { type State, states } from '../health/state.js';
import type { ProbeModule } from './module.js';
import { type ProbeContext, ProbeFailure } from './result.js';
import { open } from './transport.js';

/** The longest line that a responder answers (SPEC "Line mode"), and some. */
const MAX_LINE = 4096;

/** `ping` in line mode: what a load balancer or a person with nc sees. */
export async function askLine(context: ProbeContext, { tls }: ProbeModule): Promise<void> {
  const { result, note } = context;
  const socket = await open(context, tls);
  try {
    const begun = performance.now();
    socket.end('ping\n');
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.includes('\n') || text.length > MAX_LINE) break;
    }
    result.rtt = performance.now() - begun;
    const [, state = '', rest = ''] = /^pong (\S+)([^\n]*)\r?\n/.exec(text) ?? [];
    note(`the answer after ${result.rtt.toFixed(1)} ms: ${JSON.stringify(text.slice(0, 200))}`);
    if (text === '') throw new ProbeFailure('reset', 'the target closed the connection without an answer');
    if (!states.includes(state as State)) throw new ProbeFailure('protocol', 'the answer is no line of a responder');
    result.state = state as State;
    result.checks = failingChecks(rest);
    if (state !== 'pass' && state !== 'warn') throw new ProbeFailure('unhealthy', `the target says ${state}`);
  } finally {
    socket.destroy();
  }
}

/** ` mysql=timeout redis=refused` */
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
