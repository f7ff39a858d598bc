import { afterEach } from '@jest/globals';
import { type Link, type LinkChange, type LinkOptions, openLink } from '../../src/client.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import type { FakeClock } from '../fake-clock.js';
import { frame, ScriptedServer, type SeenFrame } from './scripted-server.js';

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Registers `close` to be called after everything that a test opens later has been closed. */
export function closeLast(close: () => Promise<void>): void {
  opened.unshift(close);
}

export function open(addresses: string | string[], options: LinkOptions = {}): { link: Link; changes: LinkChange[] } {
  const link = openLink(addresses, { backoff: { initial: 20, max: 50 }, ...options });
  const changes: LinkChange[] = [];
  link.on('state', (change) => changes.push(change));
  opened.push(async () => {
    link.client?.destroy();
    await link.close();
  });
  return { link, changes };
}

export async function scripted(...[script]: Parameters<typeof ScriptedServer.listen>): Promise<ScriptedServer> {
  const server = await ScriptedServer.listen(script);
  closeLast(() => server.stop());
  return server;
}

export async function serve(options: ServiceOptions = {}): Promise<Service> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  await service.start();
  closeLast(() => service.stop());
  return service;
}

/** Waits for a state change that fits. */
export function state(link: Link, fits: (change: LinkChange) => boolean): Promise<LinkChange> {
  return new Promise((resolve) => {
    const note = (change: LinkChange) => {
      if (!fits(change)) return;
      link.off('state', note);
      resolve(change);
    };
    link.on('state', note);
  });
}

export const is = (wanted: string) => (change: LinkChange) => change.state === wanted;

/** Lets real sockets make progress. */
export async function turns(count = 4): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Advances the fake clock in steps, and lets real sockets make progress in each step. */
export async function pass(clock: FakeClock, ms: number, step = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await clock.advance(step);
    await turns();
  }
}

/** Answers HELLO, and PINGs while `answers` returns true, with the status that `status` returns. */
export function responder(answers: (seen: SeenFrame) => boolean, hello = '{}', status: () => number = () => 1) {
  return (seen: SeenFrame, socket: { write(octets: Buffer): unknown }) => {
    if (seen.type === 5) socket.write(frame(5, 0, 0, seen.id, hello));
    if (seen.type === 1 && answers(seen)) socket.write(frame(2, 0, status(), seen.id));
  };
}
