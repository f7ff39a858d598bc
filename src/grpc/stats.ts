import { numberAccessors, numberRecord } from '../common/number-record.js';

export const grpcMethods = ['Check', 'Watch'] as const;
/** Status of an answer. `NOT_FOUND` is the error of Check for an unknown service. */
export const grpcStatuses = ['SERVING', 'NOT_SERVING', 'UNKNOWN', 'SERVICE_UNKNOWN', 'NOT_FOUND'] as const;
export type GrpcStatus = (typeof grpcStatuses)[number];
/** Why a connection was closed when it was accepted, or a Watch was refused. */
export const grpcRefusals = ['max-connections', 'max-connections-per-address', 'max-watches'] as const;

const gauges = ['connections', 'watches'] as const;
const byStatus = numberRecord(grpcStatuses);
const byRefusal = numberRecord(grpcRefusals);
const sentStart = gauges.length;
const refusedStart = sentStart + grpcMethods.length * grpcStatuses.length;

/** Gauges and counters of the gRPC health service. They are stored in one array, which may be shared memory. */
export class GrpcStats {
  /** Required length of the array. */
  static readonly length = refusedStart + grpcRefusals.length;

  /** Number of open connections. */
  declare connections: number;
  /** Number of open Watch calls. */
  declare watches: number;
  /** Number of messages and NOT_FOUND errors sent, by method and status. */
  readonly sent: Readonly<Record<(typeof grpcMethods)[number], Record<GrpcStatus, number>>>;
  readonly refused: Record<(typeof grpcRefusals)[number], number>;
  private readonly numbers: Float64Array;

  static {
    Object.defineProperties(GrpcStats.prototype, numberAccessors(gauges));
  }

  /** @param numbers array of `GrpcStats.length` numbers. Default: a new array. */
  constructor(numbers: Float64Array = new Float64Array(GrpcStats.length)) {
    this.numbers = numbers;
    const ofMethod = (index: number) => {
      const start = sentStart + index * grpcStatuses.length;
      return byStatus(numbers.subarray(start, start + grpcStatuses.length));
    };
    this.sent = { Check: ofMethod(0), Watch: ofMethod(1) };
    this.refused = byRefusal(numbers.subarray(refusedStart));
  }

  /** The current sums of all numbers. */
  static sum(all: readonly GrpcStats[]): GrpcStats {
    const sum = new GrpcStats();
    for (const { numbers } of all) {
      for (const [slot, number] of numbers.entries()) sum.numbers[slot] = (sum.numbers[slot] as number) + number;
    }
    return sum;
  }

  /** Sets the gauges to 0 after a thread has ended. Its counters remain. */
  resetGauges(): void {
    this.numbers.fill(0, 0, gauges.length);
  }
}
