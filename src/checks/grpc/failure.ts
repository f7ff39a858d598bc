import { CheckFailure, type Reason } from '../../health/reason.js';

/** Reasons by gRPC status code. UNAVAILABLE (14) has many causes. */
const reasonByCode: Readonly<Record<number, Reason>> = {
  4: 'timeout', // DEADLINE_EXCEEDED
  7: 'auth', // PERMISSION_DENIED
  16: 'auth', // UNAUTHENTICATED
};

/** Reasons by the message of grpc-js, which does not pass on the error of the connection. */
const reasonByText: readonly (readonly [RegExp, Reason])[] = [
  [/Name resolution failed|ENOTFOUND|EAI_AGAIN/, 'dns'],
  [/ECONNREFUSED/, 'refused'],
  [/EHOSTUNREACH|ENETUNREACH/, 'unreachable'],
  [/ETIMEDOUT/, 'timeout'],
  [/certificate|altnames|SSL|EPROTO|ERR_TLS/i, 'tls'],
  [/ECONNRESET|EPIPE|Connection dropped|closed|disconnected/i, 'reset'],
  [/too many/i, 'too-many-connections'],
];

const UNAVAILABLE = 14;

/** Converts the error of a call to a CheckFailure. */
export function grpcFailure({ code, details }: { code: number; details: string }): CheckFailure {
  const known = reasonByCode[code];
  if (known) return new CheckFailure(known, details);
  const [, reason = 'unreachable'] = reasonByText.find(([pattern]) => pattern.test(details)) ?? [];
  return new CheckFailure(code === UNAVAILABLE ? reason : 'protocol', `gRPC status ${code}: ${details}`);
}
