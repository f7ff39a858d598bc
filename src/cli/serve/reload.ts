import { PongcheckError } from '../../common/errors.js';
import type { Log } from '../../common/log.js';
import { type Redact, redactor } from '../../common/redact.js';
import { buildChecks, closeOthers } from '../../config/checks.js';
import { readConfiguration, type Sources } from '../../config/load.js';
import { buildProbeExporter } from '../../config/probe-modules.js';
import type { FileSettings } from '../../config/settings.js';
import type { DefinedCheck } from '../../health/defined-check.js';
import { configError } from '../../options/issue.js';
import type { ServiceOptions } from '../../service/options.js';
import type { ReloadResult, Service } from '../../service/service.js';

/** How long reading may take, in milliseconds. */
const READ_LIMIT_MS = 30_000;

type Checks = Readonly<Record<string, DefinedCheck>>;
type LeveledLog = Log & { level: string };

/** What `serve` runs with: the settings of the file, of the environment and of the flags, and the checks that were made of them. */
export interface Running {
  readonly settings: FileSettings;
  readonly checks: Checks;
}

/** What a service is made of, and what hides its secrets. Of `running` the checks are kept that would be made of the same. */
export async function readRunning(
  sources: Sources,
  running?: Running,
): Promise<Running & { options: ServiceOptions; warnings: readonly string[] }> {
  const configuration = await readConfiguration(sources);
  const fleet = buildProbeExporter(configuration);
  const checks = await buildChecks(configuration, running?.checks);
  const { probe: _, log: __, ...own } = configuration.settings;
  const options = { ...own, checks, ...(fleet && { probe: fleet }) };
  return { settings: configuration.settings, checks, options, warnings: configuration.warnings };
}

export function redactorOf({ settings, checks }: Running): Redact {
  const secrets = Object.values(checks).flatMap((check) => check.secrets ?? []);
  return redactor([...secrets, ...(settings.tokens ?? [])]);
}

/**
 * Reads everything again, has the service take it, and logs what came of it: what changed, or each problem. Resolves
 * with what runs then, and never rejects.
 */
export async function reload(service: Service, sources: Sources, running: Running, log: LeveledLog): Promise<Running> {
  let next: Running | undefined;
  let result: ReloadResult;
  try {
    result = await service.reload(async () => {
      const { options, warnings, ...read } = await inTime(readRunning(sources, running), ({ checks }) =>
        closeOthers(checks, running.checks),
      );
      for (const warning of warnings) log.warn({}, warning);
      next = read;
      return options;
    });
  } catch (error) {
    if (next) await closeOthers(next.checks, running.checks);
    logProblems(error, redactorOf(next ?? running), log);
    return running;
  }
  const { settings, checks } = next as unknown as Running;
  const { level, pretty } = running.settings.log;
  const isOther = settings.log.level !== level;
  log.level = settings.log.level;
  logResult(
    {
      ...result,
      changed: [...result.changed, ...(isOther ? ['log.level'] : [])],
      needsRestart: [...result.needsRestart, ...(settings.log.pretty === pretty ? [] : ['log.pretty'])],
    },
    log,
  );
  return { checks, settings: { ...settings, log: { ...running.settings.log, level: settings.log.level } } };
}

/** Where a module never makes its check, the next signal is to have its turn all the same; what comes late is dropped. */
async function inTime<T>(work: Promise<T>, drop: (late: T) => Promise<void>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      work.then(drop).catch(() => {});
      reject(configError([`was not read within ${READ_LIMIT_MS / 1000} s: a module has not made its check`]));
    }, READ_LIMIT_MS);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

function logProblems(error: unknown, redact: Redact, log: Log): void {
  const isOurs = error instanceof PongcheckError;
  if (isOurs && error.code === 'PONGCHECK_NOT_RUNNING') {
    return log.info({}, `configuration not reloaded: ${error.message}`);
  }
  const problems = isOurs ? error.message.split('\n') : [redact(error)];
  for (const problem of problems) log.error({ problem }, `configuration not reloaded: ${problem}`);
}

function logResult({ checks, changed, needsRestart }: ReloadResult, log: Log): void {
  const parts = [
    ...Object.entries(checks).map(([what, names]) => [`checks ${what}`, names] as const),
    ['options changed', changed] as const,
  ];
  const told = parts.flatMap(([what, names]) => (names.length > 0 ? `${what}: ${names.join(', ')}` : []));
  log.info({ ...checks, options: changed }, `configuration reloaded: ${told.join('; ') || 'nothing is other'}`);
  if (needsRestart.length > 0) log.warn({ needsRestart }, `needs a restart: ${needsRestart.join(', ')}`);
}

/** Runs `work` at each call, one after the other; calls that come while it runs are one more run together. */
export function coalesced(work: () => Promise<void>): () => void {
  let isRunning = false;
  let isWanted = false;
  return () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    void (async () => {
      while (isWanted) {
        isWanted = false;
        await work();
      }
      isRunning = false;
    })();
  };
}
