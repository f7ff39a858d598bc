import { expect } from '@jest/globals';
import { type PingpongOptions, pingpongCheck } from '../../src/checks/pingpong/index.js';
import { type Client, connect } from '../../src/client.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { freePort } from '../live/server-process.js';

/** Short, so that a test takes seconds. A frozen dependency is detected first. */
export const ofDependency = { timeout: 150, interval: 100, maxAge: 100, minInterval: 10 };
const ofPeer = { timeout: 400, interval: 100, maxAge: 100, minInterval: 10 };
const DEADLINE = 1000;
const PATIENCE = 15_000;

/** A check of the responder on this port. */
export const peer = (port: number, options: Partial<PingpongOptions> = {}) =>
  pingpongCheck({ url: `pong://127.0.0.1:${port}`, ...ofPeer, ...options });

/** Returns free ports, so that services can be configured with each other before they start. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

interface Report {
  instance: string;
  state: string;
  causes: { instance: string; via: string[]; check?: string; reason?: string }[];
  checks: Record<string, { state: string; reason?: string }[]>;
}

/** A service that is queried continuously, from its start to its stop. */
class PendingRequest {
  /** Number of answers to bare PINGs, and the errors of the others. */
  answers = 0;
  readonly unanswered: unknown[] = [];
  private asking = true;
  private readonly asked: Promise<void>;

  private constructor(
    readonly service: Service,
    private readonly client: Client,
  ) {
    this.asked = this.askOn();
  }

  static async start(port: number, options: ServiceOptions): Promise<PendingRequest> {
    const service = createService({ http: false, listen: [{ url: `pong://127.0.0.1:${port}` }], ...options });
    await service.start();
    return new PendingRequest(service, await connect(`127.0.0.1:${port}`));
  }

  get instance(): string {
    return this.service.instance;
  }

  get state(): string {
    return this.service.health.stateOf('readiness');
  }

  /** The report that the client receives. */
  async report(): Promise<Report> {
    const { report } = await this.client.ping({ detail: true, timeout: DEADLINE });
    return report as unknown as Report;
  }

  async stop(): Promise<void> {
    this.asking = false;
    await this.asked;
    this.client.destroy();
    await this.service.stop();
  }

  /** Each query requires a new result, so that each one could hang. */
  private async askOn(): Promise<void> {
    while (this.asking) {
      await this.client.ping({ timeout: DEADLINE, maxAge: 0 }).then(
        () => this.answers++,
        (error) => this.unanswered.push(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Services that check each other, by name. */
export class Responders {
  private readonly services = new Map<string, PendingRequest>();

  async start(
    name: string,
    port: number,
    checks: ServiceOptions['checks'],
    detail?: ServiceOptions['detail'],
  ): Promise<PendingRequest> {
    const service = await PendingRequest.start(port, { ...(checks && { checks }), ...(detail && { detail }) });
    this.services.set(name, service);
    return service;
  }

  /** Resolves when all named services are in that state at the same time. */
  async until(state: string, ...names: string[]): Promise<void> {
    const limit = performance.now() + PATIENCE;
    while (!this.states(names).every((found) => found === state)) {
      if (performance.now() > limit) throw new Error(`${names} are ${this.states(names)}, not ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Asserts that they are in no other state during many runs of each check. */
  async stay(state: string, ...names: string[]): Promise<void> {
    const before = this.runs(names);
    while (!this.runs(names).every((count, i) => count >= (before[i] as number) + 5)) {
      expect(this.states(names)).toEqual(names.map(() => state));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  everyoneWasAnswered(): void {
    for (const { answers, unanswered } of this.services.values()) {
      expect(unanswered).toEqual([]);
      expect(answers).toBeGreaterThan(0);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.services.values()].map((service) => service.stop()));
    this.services.clear();
  }

  private states(names: readonly string[]): (string | undefined)[] {
    return names.map((name) => this.services.get(name)?.state);
  }

  private runs(names: readonly string[]): number[] {
    return names.flatMap((name) => this.services.get(name)?.service.health.checks.map(({ stats }) => stats.runs) ?? []);
  }
}
