// A program with the types of both entry points. `tsc` compiles it here against src, and test/system/package.test.ts
// against the package, with every setting of TypeScript that resolves modules of Node.
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
  // @ts-expect-error a text is no result.
  () => 'nope',
  // @ts-expect-error neither is one later.
  async () => 'nope',
  // @ts-expect-error nor the rows of a query.
  async () => [{ 1: 1 }],
  // @ts-expect-error no such status.
  () => ({ status: 'wrn' }),
  // @ts-expect-error no such reason.
  async () => ({ status: 'fail', reason: 'made-up' }),
  // @ts-expect-error a result has a status.
  () => ({ reason: 'timeout' }),
];
