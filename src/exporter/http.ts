import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { parseReport, withOwnCauses } from '../health/report-view.js';
import { type State, states } from '../health/state.js';
import type { ProbeModule } from './module.js';
import { type ProbeContext, ProbeFailure, unhealthy } from './result.js';
import { open } from './transport.js';

const MAX_BODY_BYTES = 1_048_576;

/**
 * Requests a health endpoint. A 2xx status is a success. A body of type application/health+json provides the checks.
 */
export async function probeHttp(context: ProbeContext, { tls, path = '/health', token }: ProbeModule): Promise<void> {
  const { host, port, signal, result, note } = context;
  const socket = await open(context, tls);
  try {
    const startedAt = performance.now();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        accept: 'application/health+json, application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      };
      const clientRequest: ClientRequest = request(
        { host, port, path, headers, createConnection: () => socket, signal },
        resolve,
      );
      clientRequest.on('error', reject).end();
    });
    const { statusCode = 0 } = response;
    const body = await readBody(response);
    result.rtt = performance.now() - startedAt;
    result.httpStatus = statusCode;
    note(
      `HTTP ${statusCode} after ${result.rtt.toFixed(1)} ms, ${body.length} bytes, content type ${response.headers['content-type'] ?? 'not set'}`,
    );
    readReport(body, context);
    if (statusCode === 401 || statusCode === 403) throw new ProbeFailure('auth', `HTTP status ${statusCode}`);
    if (statusCode < 200 || statusCode > 299) {
      const { state } = result;
      throw state ? unhealthy(state) : new ProbeFailure('bad-status', `HTTP status ${statusCode}`);
    }
  } finally {
    socket.destroy();
  }
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) throw new ProbeFailure('bad-body', `response body exceeds ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** A body that is not a report is ignored, so that only the HTTP status counts. */
function readReport(body: Buffer, { result }: ProbeContext): void {
  let report: unknown;
  try {
    report = JSON.parse(body.toString());
  } catch {
    return;
  }
  const view = parseReport(report);
  const { state, checks } = view;
  const isReport = typeof report === 'object' && report !== null && ('state' in report || 'status' in report);
  if (!isReport || !states.includes(state as State)) return;
  result.state = state as State;
  result.checks = withOwnCauses(view);
  const ages = checks.flatMap(({ ageMs }) => ageMs ?? []);
  if (ages.length > 0) result.resultAge = Math.max(...ages);
}
