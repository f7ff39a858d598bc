import type { Answer, Scope } from '../../health/health.js';
import type { ReportedFate } from '../../health/reported-fate.js';
import { failureText } from '../../health/reported-fate.js';
import type { State } from '../../health/state.js';
import { accessOf, denyAccess } from '../access.js';
import { healthQuery, httpStatus, summary } from '../answer.js';
import type { RouteContext } from '../context.js';
import type { Rendering } from '../renderings.js';
import { jsonReply, type Route } from '../route.js';

/** Scope of each path for orchestrator probes. Liveness runs no check. */
export const probePaths: Readonly<Record<string, Scope>> = {
  '/livez': 'liveness',
  '/readyz': 'readiness',
  '/startupz': 'startup',
};

/**
 * `GET /livez`, `/readyz`, `/startupz`: the result as status code and as `{status, state}`. For clients with access to
 * detail, `?verbose` returns one line per check, as Kubernetes does. Tokens are checked only for `?verbose`, because a
 * probe must not fail because of an outdated token.
 */
export function probeRoutes(context: RouteContext): [path: string, Route][] {
  const ask = healthQuery(context.health);
  return Object.entries(probePaths).map(([path, scope]) => {
    const verbose = verboseRenderer(path.slice(1));
    const route: Route = async (request) => {
      const access = 'verbose' in request.query ? accessOf(context, request) : 'status';
      if (access === 'wrong-token') return denyAccess(context, access);
      const answer = await ask({ scope });
      const status = httpStatus(answer.state);
      if (access !== 'detail') return jsonReply(status, summary(answer));
      return context.renderings.reply(request, verbose(answer), status);
    };
    return [path, route];
  });
}

interface ReportedCheck extends ReportedFate {
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

/** Renders the lines of each report once, no matter how often they are requested. */
function verboseRenderer(name: string): (answer: Answer) => Rendering {
  const cache = new WeakMap<Buffer, Rendering & { state: State }>();
  return (answer) => {
    const { state } = answer;
    const report = answer.report('full');
    const cached = cache.get(report);
    if (cached?.state === state) return cached;
    const rendering = { state, type: 'text/plain; charset=utf-8', body: Buffer.from(lines(name, answer, report)) };
    cache.set(report, rendering);
    return rendering;
  };
}

function lines(name: string, answer: Answer, report: Buffer): string {
  const { checks } = JSON.parse(report.toString()) as { checks: Record<string, [ReportedCheck]> };
  const checkLines = Object.entries(checks).map(([name, [check]]) => line(name, check));
  const passed = httpStatus(answer.state) === 200;
  return [...checkLines, `${name} check ${passed ? 'passed' : `failed: ${answer.state}`}`, ''].join('\n');
}

function line(name: string, check: ReportedCheck): string {
  const { state, since, critical } = check;
  const why = failureText(check);
  const notes = [...(critical ? [] : ['not critical']), `since ${since}`, consecutive(check)].join(', ');
  if (state === 'pass') return `[+]${name} ok (${notes})`;
  return state === 'warn' ? `[+]${name} ok (warn: ${why}; ${notes})` : `[-]${name} failed: ${why} (${notes})`;
}

/** The number of consecutive results, and how many of them change the state. */
function consecutive({ state, passes, fails, rise, fall }: ReportedCheck): string {
  const good = state === 'pass' || state === 'warn';
  if (fails > 0) return `fails ${fails}${good ? ` of ${fall}` : ''}`;
  return `passes ${passes}${!good && passes > 0 ? ` of ${rise}` : ''}`;
}
