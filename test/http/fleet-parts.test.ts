import { describe, expect, it } from '@jest/globals';
import type { Responder, ResponderState } from '../../src/fleet/responder.js';
import { responderStates } from '../../src/fleet/responder.js';
import type { Slot } from '../../src/health/history/slot.js';
import type { State } from '../../src/health/state.js';
import { type FleetView, fleetBoard } from '../../src/http/fleet-page/board.js';
import { bareFleetParts, fleetParts } from '../../src/http/fleet-page/parts.js';
import { loadPage } from '../../src/http/status-page/page.js';
import { coarseBar } from '../../src/http/status-page/svg.js';

const wall = Date.parse('2026-11-21T18:10:30Z');
const slot = (worst: State | undefined): Slot => ({
  knownMs: 60_000,
  unhealthyMs: 0,
  worst,
  runs: 0,
  failures: 0,
  minMs: undefined,
  meanMs: undefined,
  maxMs: undefined,
});
const minutes = (...states: (State | undefined)[]) => states.map((state) => (state ? slot(state) : undefined));

interface Shown {
  state: ResponderState;
  host?: string;
  why?: string;
  digest?: Responder['digest'];
}

function fleetOf(shown: readonly Shown[], more: Partial<FleetView> = {}): FleetView {
  const responders = shown.map(({ state, host = '10.0.0.1', why, digest }, id) => ({
    id,
    peer: { key: `${host}:7464`, address: { kind: 'tcp', host, port: 7464 } },
    state,
    since: wall - 60_000,
    why,
    digest,
  })) as unknown as Responder[];
  const counts = Object.fromEntries(
    responderStates.map((state) => [state, shown.filter((one) => one.state === state).length]),
  ) as FleetView['counts'];
  return {
    responders,
    counts,
    unresolved: [],
    excess: 0,
    minute: wall - 30_000,
    statusUrl: undefined,
    slots: () => minutes(...Array(60).fill('pass')),
    onChange: () => () => {},
    ...more,
  };
}

const all = { wall, only: undefined };
const failing = (output = 'no answer'): Shown => ({
  state: 'fail',
  digest: { service: 'shop', causes: [{ state: 'fail', check: 'db', reason: 'timeout', output }], failing: ['db'] },
});

describe('the page of a fleet', () => {
  it('lists failures that are not critical separately from the causes', () => {
    const cache: Shown = {
      state: 'warn',
      digest: { causes: [{ state: 'warn', check: 'cache', reason: 'refused', output: '' }], failing: ['cache'] },
    };
    const { why, degraded } = fleetParts(fleetOf([failing(), failing(), cache]), all);
    expect(why).toContain('<h2>Cause</h2>');
    expect(why).toContain('<b>db=timeout</b> at 2 of 3 responders');
    expect(why).not.toContain('cache');
    expect(degraded).toContain('<h2>Also degraded</h2>');
    expect(degraded).toContain('<b>cache=refused</b> at 1 of 3 responders');
  });

  it('states why a responder is not ready: its first cause, why it is unreachable, or its failing checks', () => {
    const fleet = fleetOf([
      { ...failing('no answer'), host: 'a' },
      { host: 'b', state: 'unreachable', why: 'refused the connection' },
      { host: 'c', state: 'fail', digest: { causes: [], failing: ['db', 'queue'] } },
      { host: 'd', state: 'fail' },
    ]);
    const parts = fleetParts(fleet, all);
    const reasonOf = (id: number) => /<p class="reason">(.*?)<\/p>/.exec(parts[`item-${id}`] as string)?.[1];
    expect([0, 1, 2, 3].map(reasonOf)).toEqual(['db=timeout: no answer', 'refused the connection', 'db, queue', '']);
  });

  it('names addresses that are missing, or above the maximum', () => {
    const { none } = fleetParts(fleetOf([], { unresolved: ['pong://shop:7464'], excess: 12 }), all);
    expect(none).toContain('No address yet: pong://shop:7464');
    expect(none).toContain('12 more addresses are not connected');
    expect(fleetParts(fleetOf([failing()]), all).none).toBe('');
  });

  it('collapses causes after the fifth, and omits those after the fiftieth', () => {
    const one = (n: number): Shown => ({
      state: 'fail',
      digest: { causes: [{ state: 'fail', check: `c${n}` }], failing: [] },
    });
    const { why = '' } = fleetParts(fleetOf(Array.from({ length: 60 }, (_, n) => one(n))), all);
    expect(why.match(/<li /g)).toHaveLength(50);
    expect(why).toContain('<summary>55 more</summary>');
    expect(why.indexOf('<details>')).toBeGreaterThan(why.indexOf('<b>c4</b>'));
    expect(why.indexOf('<details>')).toBeLessThan(why.indexOf('<b>c5</b>'));
  });

  it('has IPv6 addresses in brackets in links', () => {
    const fleet = fleetOf([{ state: 'pass', host: '2001:db8::1' }], { statusUrl: 'https://{host}:7664/?of={host}' });
    expect(fleetBoard(fleet).responders[0]).toMatchObject({
      address: '[2001:db8::1]:7464',
      statusUrl: 'https://[2001:db8::1]:7664/?of=[2001:db8::1]',
    });
  });

  it('is unknown without a responder, and shows only counts to clients without access to detail', () => {
    const parts = bareFleetParts(fleetOf([]), { mode: 'never', login: undefined });
    expect(parts.state).toContain('band unknown');
    expect(Object.keys(bareFleetParts(fleetOf([failing()]), { mode: 'never', login: undefined })).sort()).toEqual([
      'groups',
      'hidden',
      'icon',
      'state',
      'title',
    ]);
  });

  it('of 500 responders is smaller than 400 KiB, regardless of their reports', async () => {
    const states = ['pass', 'fail', 'unknown', 'warn', 'draining'] as const;
    const flapping = minutes(...Array.from({ length: 60 }, (_, n) => states[Math.floor(n / 5) % 5]));
    const shown = Array.from({ length: 500 }, (_, n): Shown => {
      const { digest } = failing('x'.repeat(200));
      return { state: 'fail', host: `2001:db8:ffff:ffff:ffff:ffff:ffff:${1000 + n}`, digest };
    });
    const fleet = fleetOf(shown, { slots: () => flapping, statusUrl: 'http://{host}:7664/' });
    const { render } = await loadPage();
    const page = render(fleetParts(fleet, all), 'fleet/events', wall);
    expect(page.match(/<li id="item-/g)).toHaveLength(500);
    expect(Buffer.byteLength(page)).toBeLessThan(400 * 1024);
  });
});

describe('a coarse bar', () => {
  const paths = (text: string) => [...text.matchAll(/<path class="(\w+)" d="(.*?)"/g)].map((m) => m.slice(1));
  const label = (text: string) => /aria-label="(.*?)"/.exec(text)?.[1];

  it('has one part per five minutes, with the worst state in them, and one path per state', () => {
    const { text } = coarseBar(
      minutes(
        ...Array<undefined>(5).fill(undefined),
        ...(['pass', 'pass', 'fail', 'pass', 'pass'] as const),
        ...Array<State>(5).fill('pass'),
        ...(['fail', 'unknown', undefined] as const),
      ),
    );
    expect(paths(text)).toEqual([
      ['none', 'M0 23h1'],
      ['fail', 'M1 12h1M3 12h1'],
      ['pass', 'M2 17h1'],
    ]);
    expect(label(text)).toBe('fail 2 min, unknown 1 min');
  });

  it('states that it has no data', () => {
    expect(label(coarseBar(minutes(undefined, undefined)).text)).toBe('no data');
  });
});
