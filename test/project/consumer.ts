// A program that uses the types of both entry points. `tsc` compiles it here against src, and in
// test/system/package.test.ts against the package, with each TypeScript setting that resolves Node modules.
import { type Client, connect, type Report } from '../../src/client.js';
import {
  type Cause,
  type CheckFunction,
  type CheckOutcome,
  createService,
  errorCodes,
  type Options,
  PongcheckError,
  type Reason,
  reasons,
  type Service,
  type ServiceOptions,
} from '../../src/index.js';

export class OwnError extends PongcheckError {}
export const known: readonly string[] = [...Object.keys(errorCodes), ...Object.keys(reasons)];
export type Named = Cause | CheckOutcome | Options | Reason | Report;

export async function use(url: string): Promise<boolean> {
  const service: Service = createService({ listen: [{ url }], http: false, checks });
  await service.start();
  const client: Client = await connect(url);
  const { healthy, report } = await client.ping({ detail: true });
  await client.close();
  return healthy && (report?.causes ?? []).length === 0;
}

const checks: NonNullable<ServiceOptions['checks']> = {
  nothing: () => {},
  later: async (signal) => signal.throwIfAborted(),
  yes: () => true,
  no: async () => false,
  maybe: async () => (Math.random() > 0.5 ? { status: 'warn', reason: 'threshold', output: 'much' } : undefined),
  defined: { kind: 'own', interval: 1000, run: async () => ({ status: 'fail', reason: 'timeout', observedValue: 1 }) },
};

export const wrong: CheckFunction[] = [
  // @ts-expect-error a string is not a result.
  () => 'nope',
  // @ts-expect-error a promise of a string is not a result either.
  async () => 'nope',
  // @ts-expect-error the rows of a query are not a result.
  async () => [{ 1: 1 }],
  // @ts-expect-error unknown status.
  () => ({ status: 'wrn' }),
  // @ts-expect-error unknown reason.
  async () => ({ status: 'fail', reason: 'made-up' }),
  // @ts-expect-error a result requires a status.
  () => ({ reason: 'timeout' }),
];
