import { missingForReusePort } from '../../src/net/reuse-port.js';

const hasReusePort = missingForReusePort(process.version, process.platform) === undefined;

/** The values of `threads` with which a service is tested. Several threads require a newer Node version. */
export const threadCounts: readonly number[] = hasReusePort ? [0, 1, 2] : [0, 1];
