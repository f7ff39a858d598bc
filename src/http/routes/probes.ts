import type { FastifyPluginAsync } from 'fastify';
import type { Answer, Scope } from '../../health/health.js';
import type { State } from '../../health/state.js';
import { asking, httpStatus, summary } from '../answer.js';
import type { RouteContext } from '../context.js';
import type { Rendering } from '../renderings.js';
import { refuse, rightOf } from '../right.js';
import { get } from '../route.js';

/** The probes of an orchestrator: which path asks for what. Liveness runs no check. */
export const probePaths: Readonly<Record<string, Scope>> = {
  '/livez': 'liveness',
  '/readyz': 'readiness',
  '/startupz': 'startup',
};

/**
 * `GET /livez`, `/readyz`, `/startupz`: the status code is the answer, `{status, state}` says it
 * in words. With `?verbose`, for who may see detail, one line a check as Kubernetes prints it;
 * only there a token is looked at, because a probe must not fail for one that is out of date.
 */
export function probeRoutes(context: RouteContext): FastifyPluginAsync {
  const ask = asking(context.health);
  return async (app) => {
    for (const [path, scope] of Object.entries(probePaths)) {
      const verbose = verboseOf(path.slice(1));
      get(app, path, async (request, reply) => {
        const right = 'verbose' in request.query ? rightOf(context, request) : 'status';
        if (right === 'wrong-token') return refuse(context, right, reply);
        const answer = await ask({ scope });
        reply.code(httpStatus(answer.state));
        if (right !== 'detail') return reply.send(summary(answer));
        return context.renderings.send(request, reply, verbose(answer));
      });
    }
  };
}

interface ShownCheck {
  state: string;
  reason?: string;
  output?: string;
  since: string;
  critical: boolean;
  passes: number;
  fails: number;
  rise: number;
  fall: number;
}

/** Makes the lines of a report once, however often that is given out. */
function verboseOf(name: string): (answer: Answer) => Rendering {
  const made = new WeakMap<Buffer, Rendering & { state: State }>();
  return (answer) => {
    const { state } = answer;
    const report = answer.report('full');
    const kept = made.get(report);
    if (kept?.state === state) return kept;
    const rendering = { state, type: 'text/plain; charset=utf-8', body: Buffer.from(lines(name, answer, report)) };
    made.set(report, rendering);
    return rendering;
  };
}

function lines(name: string, answer: Answer, report: Buffer): string {
  const { checks } = JSON.parse(report.toString()) as { checks: Record<string, [ShownCheck]> };
  const told = Object.entries(checks).map(([check, [found]]) => line(check, found));
  const passed = httpStatus(answer.state) === 200;
  return [...told, `${name} check ${passed ? 'passed' : `failed: ${answer.state}`}`, ''].join('\n');
}

function line(check: string, shown: ShownCheck): string {
  const { state, reason, output, since, critical } = shown;
  const why = [reason, output].filter((part) => part !== undefined).join(': ');
  const notes = [...(critical ? [] : ['not critical']), `since ${since}`, inARow(shown)].join(', ');
  if (state === 'pass') return `[+]${check} ok (${notes})`;
  return state === 'warn' ? `[+]${check} ok (warn: ${why}; ${notes})` : `[-]${check} failed: ${why} (${notes})`;
}

/** The latest results in a row; where they have not changed the state yet, also how many of them do. */
function inARow({ state, passes, fails, rise, fall }: ShownCheck): string {
  const good = state === 'pass' || state === 'warn';
  if (fails > 0) return `fails ${fails}${good ? ` of ${fall}` : ''}`;
  return `passes ${passes}${!good && passes > 0 ? ` of ${rise}` : ''}`;
}
