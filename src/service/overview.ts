import type { Clock } from '../common/clock.js';
import { packageVersion } from '../common/version.js';
import type { HealthHistory } from '../health/history/health-history.js';
import type { RecentTransitions } from '../health/query/recent-transitions.js';
import type { Registry } from '../health/query/registry.js';
import type { Overview } from '../http/status-page/overview.js';
import type { PingServer } from '../server/ping-server.js';

export interface OverviewParts {
  readonly health: Registry;
  readonly server: PingServer;
  readonly transitions: RecentTransitions;
  readonly history: HealthHistory;
  readonly clock: Clock;
}

/** The status page data of a service. */
export function serviceOverview({ health, server, transitions, history, clock }: OverviewParts): Overview {
  return {
    known: (group) => health.known(group),
    groups: () => health.groups(),
    stateOf: (group) => health.stateOf(group),
    checks: () => health.checks,
    transitions: transitions.all,
    history,
    connections: () => {
      const { open, modes, waiting, closed } = server.stats;
      return { open, modes, waiting, closed };
    },
    onTransition: (listener) => {
      const unsubscribe = health.onTransition(listener);
      // An update without a check means that any check may have changed, as after a reload.
      const unsubscribeUpdates = health.onUpdate((check) => {
        if (!check) listener();
      });
      return () => {
        unsubscribe();
        unsubscribeUpdates();
      };
    },
    version: packageVersion(),
    startedAt: new Date(clock.wall()),
  };
}
