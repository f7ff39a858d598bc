import type { Clock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { parseAddress } from '../net/address.js';
import { Targets } from '../net/targets.js';
import { defaultModules, type ProbeModule } from './module.js';
import { type FinishedProbe, probe } from './probe.js';

/** Options of `/probe`. */
export interface ProbeExporterOptions {
  /** Patterns of the targets that may be probed (`TARGET_FORMS`). */
  readonly targets: readonly string[];
  /** Modules by name. Default: `pongcheck`, `line`, `http` and `tcp` with default options. */
  readonly modules?: Readonly<Record<string, ProbeModule>>;
  /** Maximum number of concurrent probes. Further probes are rejected. Default 500. */
  readonly maxConcurrent?: number;
}

/** Thrown if a probe was not started. Contains the HTTP status code of the response. */
export class ProbeRejection extends Error {
  constructor(
    readonly status: 400 | 403 | 503,
    message: string,
  ) {
    super(message);
  }
}

const DEFAULT_TIMEOUT_MS = 5000;
/** Default of `maxConcurrent`. */
export const MAX_CONCURRENT_PROBES = 500;
/** Part of the scrape timeout that is reserved for the response, in milliseconds. */
const SCRAPE_OFFSET_MS = 500;
const MIN_TIMEOUT_MS = 10;

/** Probes one target per call. Stateless, except for the number of concurrent probes. */
export class ProbeExporter {
  private targets: Targets;
  private modules: Readonly<Record<string, ProbeModule>>;
  private running = 0;

  /** @throws PongcheckError `PONGCHECK_CONFIG` for an invalid target pattern. */
  constructor(
    private options: ProbeExporterOptions,
    private readonly clock: Clock,
  ) {
    this.targets = new Targets(options.targets);
    this.modules = options.modules && Object.keys(options.modules).length > 0 ? options.modules : defaultModules;
  }

  /** Replaces the options with those of another exporter, after a reload. */
  replaceWith({ options, targets, modules }: ProbeExporter): void {
    this.options = options;
    this.targets = targets;
    this.modules = modules;
  }

  /**
   * Probes HOST:PORT with a module. The timeout is the shorter of the module's timeout and `scrapeTimeout` minus 500
   * ms.
   *
   * @param scrapeTimeout in milliseconds. Default: no limit.
   * @param cancelled ends the probe early.
   * @throws ProbeRejection (rejects) for an invalid or forbidden target, an unknown module, or too many concurrent
   * probes.
   */
  async probe(
    target: string,
    moduleName: string,
    scrapeTimeout?: number,
    cancelled?: AbortSignal,
  ): Promise<FinishedProbe> {
    const module = Object.hasOwn(this.modules, moduleName) ? this.modules[moduleName] : undefined;
    if (!module) {
      throw new ProbeRejection(400, `unknown module; available modules: ${Object.keys(this.modules).join(', ')}`);
    }
    const address = targetOf(target);
    if (!this.targets.allows(address.host, address.port))
      throw new ProbeRejection(403, 'target is not allowed by probe.targets');
    if (this.running >= (this.options.maxConcurrent ?? MAX_CONCURRENT_PROBES)) {
      throw new ProbeRejection(503, 'too many concurrent probes');
    }
    const { timeout: moduleTimeout = DEFAULT_TIMEOUT_MS } = module;
    // The client requires whole milliseconds.
    const scrapeLimit = Math.floor(scrapeTimeout ?? Number.POSITIVE_INFINITY) - SCRAPE_OFFSET_MS;
    const timeout = Math.max(MIN_TIMEOUT_MS, Math.min(moduleTimeout, scrapeLimit));
    this.running++;
    try {
      return await probe(address, module, timeout, this.clock, cancelled);
    } finally {
      this.running--;
    }
  }
}

function targetOf(text: string): { host: string; port: number } {
  try {
    const address = parseAddress(text);
    if (address.kind === 'tcp' && address.port > 0) return address;
  } catch (error) {
    if (!(error instanceof PongcheckError)) throw error;
  }
  throw new ProbeRejection(400, 'invalid target; expected HOST:PORT, with an IPv6 address in brackets');
}
