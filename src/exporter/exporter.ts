import type { Clock } from '../common/clock.js';
import { PongcheckError } from '../common/errors.js';
import { parseAddress } from '../net/address.js';
import { Targets } from '../net/targets.js';
import { defaultModules, type ProbeModule } from './module.js';
import { type Probed, probe } from './probe.js';

/** Which targets are probed for whom, and how. */
export interface ProbeExporterOptions {
  /** Patterns of the targets that may be probed (`TARGET_FORMS`); others are refused. */
  readonly targets: readonly string[];
  /** By name. Default: `pongcheck`, `line`, `http` and `tcp`, each as it is. */
  readonly modules?: Readonly<Record<string, ProbeModule>>;
  /** Probes at once; more are refused. Default 500. */
  readonly maxConcurrent?: number;
}

/** A probe that was not begun, and the status that says so by HTTP. */
export class ProbeRefusal extends Error {
  constructor(
    readonly status: 400 | 403 | 503,
    message: string,
  ) {
    super(message);
  }
}

const TIMEOUT = 5000;
/** Default of `maxConcurrent`. */
export const MAX_CONCURRENT_PROBES = 500;
/** What is left of a scrape's own limit, so that its answer arrives; in milliseconds. */
const SCRAPE_OFFSET = 500;
const SHORTEST = 10;

/** Probes targets one at a time for whoever asks, and keeps nothing between two. */
export class ProbeExporter {
  private targets: Targets;
  private modules: Readonly<Record<string, ProbeModule>>;
  private running = 0;

  /** Throws PONGCHECK_CONFIG for a pattern of targets that is none. */
  constructor(
    private options: ProbeExporterOptions,
    private readonly clock: Clock,
  ) {
    this.targets = new Targets(options.targets);
    this.modules = options.modules && Object.keys(options.modules).length > 0 ? options.modules : defaultModules;
  }

  /** Probes from now on as `other` would. */
  take({ options, targets, modules }: ProbeExporter): void {
    this.options = options;
    this.targets = targets;
    this.modules = modules;
  }

  /**
   * Probes HOST:PORT by a module, within the shorter of the module's own limit and `scrapeTimeout` less half a second.
   * Rejects with a ProbeRefusal where that is not to be.
   */
  async probe(target: string, moduleName: string, scrapeTimeout?: number): Promise<Probed> {
    const module = Object.hasOwn(this.modules, moduleName) ? this.modules[moduleName] : undefined;
    if (!module) {
      throw new ProbeRefusal(400, `there is no module of that name; there are ${Object.keys(this.modules).join(', ')}`);
    }
    const address = targetOf(target);
    if (!this.targets.allows(address.host, address.port))
      throw new ProbeRefusal(403, 'this target is not in probe.targets');
    if (this.running >= (this.options.maxConcurrent ?? MAX_CONCURRENT_PROBES)) {
      throw new ProbeRefusal(503, 'too many probes are under way');
    }
    const { timeout: own = TIMEOUT } = module;
    const timeout = Math.max(
      SHORTEST,
      Math.min(own, Math.floor(scrapeTimeout ?? Number.POSITIVE_INFINITY) - SCRAPE_OFFSET),
    );
    this.running++;
    try {
      return await probe(address, module, timeout, this.clock);
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
  throw new ProbeRefusal(400, 'target takes HOST:PORT, an IPv6 address in brackets');
}
