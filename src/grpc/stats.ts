import { numberAccessors, numberRecord } from '../common/number-record.js';

export const grpcMethods = ['Check', 'Watch'] as const;
/** The status of an answer; `NOT_FOUND` is the error of Check for an unknown service. */
export const grpcStatuses = ['SERVING', 'NOT_SERVING', 'UNKNOWN', 'SERVICE_UNKNOWN', 'NOT_FOUND'] as const;
export type GrpcStatus = (typeof grpcStatuses)[number];
/** Why a connection was closed at accept, or a Watch was refused. */
export const grpcRefusals = ['max-connections', 'max-connections-per-address', 'max-watches'] as const;

const gauges = ['connections', 'watches'] as const;
const byStatus = numberRecord(grpcStatuses);
const byRefusal = numberRecord(grpcRefusals);
const sentStart = gauges.length;
const refusedStart = sentStart + grpcMethods.length * grpcStatuses.length;

/** Gauges and counters of the gRPC health service. The numbers are elements of one array, which may be shared memory. */
export class GrpcStats {
  /** How many numbers the array has. */
  static readonly length = refusedStart + grpcRefusals.length;

  /** Open connections of the listener. */
  declare connections: number;
  /** Open Watches. */
  declare watches: number;
  /** Messages sent by Check and Watch, and errors NOT_FOUND, by status. */
  readonly sent: Readonly<Record<(typeof grpcMethods)[number], Record<GrpcStatus, number>>>;
  readonly refused: Record<(typeof grpcRefusals)[number], number>;
  private readonly numbers: Float64Array;

  static {
    Object.defineProperties(GrpcStats.prototype, numberAccessors(gauges));
  }

  /** @param numbers an array of `GrpcStats.length` numbers. Default: a new one. */
  constructor(numbers: Float64Array = new Float64Array(GrpcStats.length)) {
    this.numbers = numbers;
    const ofMethod = (index: number) => {
      const start = sentStart + index * grpcStatuses.length;
      return byStatus(numbers.subarray(start, start + grpcStatuses.length));
    };
    this.sent = { Check: ofMethod(0), Watch: ofMethod(1) };
    this.refused = byRefusal(numbers.subarray(refusedStart));
  }

  /** The sums of all numbers, as of now. */
  static sum(all: readonly GrpcStats[]): GrpcStats {
    const sum = new GrpcStats();
    for (const { numbers } of all) {
      for (const [slot, number] of numbers.entries()) sum.numbers[slot] = (sum.numbers[slot] as number) + number;
    }
    return sum;
  }

  /** Sets the gauges to 0, for a thread that has ended; its counters remain. */
  resetGauges(): void {
    this.numbers.fill(0, 0, gauges.length);
  }
}
