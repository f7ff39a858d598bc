import { waitingClock } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';
import type { Log } from '../../common/log.js';
import type { Redact } from '../../common/redact.js';
import { withTimeout } from '../../common/with-timeout.js';
import { buildChecks, closeOthers } from '../../config/checks.js';
import { readConfiguration, type Sources } from '../../config/load.js';
import { type Built, redactorOf } from '../../config/print.js';
import { buildProbeExporter } from '../../config/probe-modules.js';
import { configError } from '../../options/issue.js';
import type { ServiceOptions } from '../../service/options.js';
import type { ReloadResult } from '../../service/reload-plan.js';
import type { Service } from '../../service/service.js';

/** Timeout for reading the configuration and creating its checks, in milliseconds. */
const READ_TIMEOUT_MS = 30_000;

type LeveledLog = Log & { level: string };

/** The active settings from the file, the environment and the flags, and the checks created from these settings. */
export type Running = Built;

/**
 * Reads the configuration and creates its checks. Checks in `running` whose options did not change are kept. If
 * `running` is given, an empty file is refused, because it would remove all checks.
 */
export async function readRunning(
  sources: Sources,
  running?: Running,
): Promise<Running & { options: ServiceOptions; warnings: readonly string[] }> {
  const configuration = await readConfiguration({ ...sources, refuseEmptyFile: running !== undefined });
  const exporter = buildProbeExporter(configuration);
  const checks = await buildChecks(configuration, running?.checks);
  const { probe: _, log: __, ...own } = configuration.settings;
  const options = { ...own, checks, ...(exporter && { probe: exporter }) };
  return { settings: configuration.settings, checks, options, warnings: configuration.warnings };
}

/**
 * Reads the configuration again, applies it to the service, and logs what changed or each problem. Resolves with the
 * active configuration, and never rejects.
 */
export async function reload(service: Service, sources: Sources, running: Running, log: LeveledLog): Promise<Running> {
  let next: Running | undefined;
  let result: ReloadResult;
  try {
    result = await service.reload(async () => {
      const { options, warnings, ...read } = await readInTime(sources, running);
      for (const warning of warnings) log.warn({}, warning);
      next = read;
      return options;
    });
  } catch (error) {
    if (next) await closeOthers(next.checks, running.checks);
    logProblems(error, redactorOf(running, next ?? running), log);
    return running;
  }
  const { settings, checks } = next as unknown as Running;
  const { level, pretty } = running.settings.log;
  const levelChanged = settings.log.level !== level;
  log.level = settings.log.level;
  logResult(
    {
      ...result,
      changed: [...result.changed, ...(levelChanged ? ['log.level'] : [])],
      needsRestart: [...result.needsRestart, ...(settings.log.pretty === pretty ? [] : ['log.pretty'])],
    },
    log,
  );
  return { checks, settings: { ...settings, log: { ...running.settings.log, level: settings.log.level } } };
}

/** A module that never returns its check must not block later reloads. A late result is discarded. */
async function readInTime(sources: Sources, running: Running): ReturnType<typeof readRunning> {
  const work = readRunning(sources, running);
  return withTimeout(waitingClock, READ_TIMEOUT_MS, work, () => {
    work.then(({ checks }) => closeOthers(checks, running.checks)).catch(() => {});
    throw configError([`timed out after ${READ_TIMEOUT_MS / 1000} s: a module has not returned its check`]);
  });
}

function logProblems(error: unknown, redact: Redact, log: Log): void {
  const isKnown = error instanceof PongcheckError;
  if (isKnown && error.code === 'PONGCHECK_NOT_RUNNING') {
    return log.info({}, `configuration not reloaded: ${error.message}`);
  }
  const problems = isKnown ? error.message.split('\n') : [redact(error)];
  for (const problem of problems) log.error({ problem }, `configuration not reloaded: ${problem}`);
}

function logResult({ checks, changed, needsRestart }: ReloadResult, log: Log): void {
  const parts = [
    ...Object.entries(checks).map(([what, names]) => [`checks ${what}`, names] as const),
    ['options changed', changed] as const,
  ];
  const changes = parts.flatMap(([what, names]) => (names.length > 0 ? `${what}: ${names.join(', ')}` : []));
  log.info({ ...checks, options: changed }, `configuration reloaded: ${changes.join('; ') || 'no changes'}`);
  if (needsRestart.length > 0) log.warn({ needsRestart }, `restart required for: ${needsRestart.join(', ')}`);
}

/** Runs `work` for each call, one at a time. Calls during a run are combined into one more run. */
export function coalesced(work: () => Promise<void>): () => void {
  let isRunning = false;
  let isRequested = false;
  return () => {
    isRequested = true;
    if (isRunning) return;
    isRunning = true;
    void (async () => {
      while (isRequested) {
        isRequested = false;
        await work();
      }
      isRunning = false;
    })();
  };
}
