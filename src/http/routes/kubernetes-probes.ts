import type { Answer, Scope } from '../../health/health.js';
import { parseReport, type ReportedCheck } from '../../health/report-view.js';
import { failureText } from '../../health/reported-fate.js';
import { isHealthy, type State } from '../../health/state.js';
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
export function kubernetesProbeRoutes(context: RouteContext): [path: string, Route][] {
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
  const checkLines = parseReport(JSON.parse(report.toString()), Number.POSITIVE_INFINITY).checks.map(line);
  const passed = httpStatus(answer.state) === 200;
  return [...checkLines, `${name} check ${passed ? 'passed' : `failed: ${answer.state}`}`, ''].join('\n');
}

function line(check: ReportedCheck): string {
  const { name, state, since = 0, critical } = check;
  const why = failureText(check);
  const sinceText = `since ${new Date(since).toISOString()}`;
  const notes = [...(critical ? [] : ['not critical']), sinceText, consecutive(check)].join(', ');
  if (state === 'pass') return `[+]${name} ok (${notes})`;
  return state === 'warn' ? `[+]${name} ok (warn: ${why}; ${notes})` : `[-]${name} failed: ${why} (${notes})`;
}

/** The number of consecutive results, and the number at which the state changes. */
function consecutive({ state, passes, fails, rise, fall }: ReportedCheck): string {
  const good = isHealthy(state);
  if (fails > 0) return `fails ${fails}${good ? ` of ${fall}` : ''}`;
  return `passes ${passes}${!good && passes > 0 ? ` of ${rise}` : ''}`;
}
