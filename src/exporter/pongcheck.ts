import { connect } from '../client/connect.js';
import { parseReport, withOwnCauses } from '../health/report-view.js';
import type { ProbeModule } from './module.js';
import { type ProbeContext, unhealthy } from './result.js';
import { inspect, timedLookup } from './transport.js';

/** Sends one PING on a separate connection, which the responder closes after its PONG. */
export async function probePongcheck(context: ProbeContext, module: ProbeModule): Promise<void> {
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
    note(`PONG ${status}${stale ? ', stale' : ''} after ${rtt.toFixed(1)} ms${report ? '' : ', without detail'}`);
    result.state = status;
    result.rtt = rtt;
    if (report) {
      result.checks = withOwnCauses(parseReport(report));
      const ages = result.checks.flatMap(({ ageMs }) => ageMs ?? []);
      if (ages.length > 0) result.resultAge = Math.max(...ages);
    }
    if (!healthy) throw unhealthy(status);
  } finally {
    client.destroy();
  }
}
