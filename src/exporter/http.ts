import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { parseReport } from '../health/report-view.js';
import { type State, states } from '../health/state.js';
import type { ProbeModule } from './module.js';
import { type ProbeContext, ProbeFailure } from './result.js';
import { open } from './transport.js';

/** More of a body is not read. */
const MAX_BODY = 1_048_576;

/** GET of a health endpoint: 2xx is well, and application/health+json tells more. */
export async function askHttp(context: ProbeContext, { tls, path = '/health', token }: ProbeModule): Promise<void> {
  const { host, port, signal, result, note } = context;
  const socket = await open(context, tls);
  try {
    const begun = performance.now();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        accept: 'application/health+json, application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      };
      const asked: ClientRequest = request(
        { host, port, path, headers, createConnection: () => socket, signal },
        resolve,
      );
      asked.on('error', reject).end();
    });
    const { statusCode = 0 } = response;
    const body = await read(response);
    result.rtt = performance.now() - begun;
    result.httpStatus = statusCode;
    note(
      `HTTP ${statusCode} after ${result.rtt.toFixed(1)} ms, ${body.length} octets of ${response.headers['content-type'] ?? 'no type'}`,
    );
    take(body, context);
    if (statusCode === 401 || statusCode === 403) throw new ProbeFailure('auth', `the status is ${statusCode}`);
    if (statusCode < 200 || statusCode > 299) {
      const said = result.state;
      throw new ProbeFailure(
        said ? 'unhealthy' : 'bad-status',
        said ? `the target says ${said}` : `the status is ${statusCode}`,
      );
    }
  } finally {
    socket.destroy();
  }
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response) {
    octets += (chunk as Buffer).length;
    if (octets > MAX_BODY) throw new ProbeFailure('bad-body', `the body is longer than ${MAX_BODY} octets`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** A body that is no report says nothing, and is no fault: the status counts. */
function take(body: Buffer, { result }: ProbeContext): void {
  let report: unknown;
  try {
    report = JSON.parse(body.toString());
  } catch {
    return;
  }
  const { state, checks } = parseReport(report);
  const isReport = typeof report === 'object' && report !== null && ('state' in report || 'status' in report);
  if (!isReport || !states.includes(state as State)) return;
  result.state = state as State;
  result.checks = checks;
  const ages = checks.flatMap(({ ageMs }) => ageMs ?? []);
  if (ages.length > 0) result.resultAge = Math.max(...ages);
}
