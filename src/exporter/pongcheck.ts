import { connect } from '../client/connect.js';
import { parseReport } from '../health/report-view.js';
import type { ProbeModule } from './module.js';
import { type ProbeContext, ProbeFailure } from './result.js';
import { inspect, timedLookup } from './transport.js';

/** One PING on a connection of its own, which the responder closes with its answer. */
export async function askPongcheck(context: ProbeContext, module: ProbeModule): Promise<void> {
  const { host, port, signal, timeout, result, note } = context;
  const { tls, token, scope = 'readiness', group, checks } = module;
  const client = await connect(tls ? { kind: 'tls', host, port } : { kind: 'tcp', host, port }, {
    signal,
    connectTimeout: timeout,
    lookup: timedLookup(context),
    ...(tls && { tls }),
    ...(token !== undefined && { token }),
  });
  try {
    inspect(client.socket, context);
    const pong = await client.ping({
      scope,
      detail: true,
      close: true,
      responseTimeout: timeout,
      signal,
      ...(group !== undefined && { group }),
      ...(checks && { checks }),
    });
    const { status, rtt, stale, healthy, report } = pong;
    note(`PONG says ${status}${stale ? ', stale' : ''} after ${rtt.toFixed(1)} ms${report ? '' : ', without detail'}`);
    result.state = status;
    result.rtt = rtt;
    if (report) {
      result.checks = parseReport(report).checks;
      const ages = result.checks.flatMap(({ ageMs }) => ageMs ?? []);
      if (ages.length > 0) result.resultAge = Math.max(...ages);
    }
    if (!healthy) throw new ProbeFailure('unhealthy', `the target says ${status}`);
  } finally {
    client.destroy();
  }
}
