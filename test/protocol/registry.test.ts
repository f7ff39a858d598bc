import { describe, expect, it } from '@jest/globals';
import { scopes } from '../../src/health/health.js';
import { reasons } from '../../src/health/reason.js';
import { MAX_CAUSES } from '../../src/health/result.js';
import { states } from '../../src/health/state.js';
import { DEFAULT_PORT } from '../../src/net/address.js';
import { parseDuration } from '../../src/options/duration.js';
import { optionRows } from '../../src/options/table.js';
import { statusOf } from '../../src/server/protocol/responder.js';
import { defaultServerSettings } from '../../src/server/settings.js';
import * as codes from '../../src/wire/codes.js';
import { registry } from './registry.js';

/** Converts `TOO_MANY_PINGS: 8` to the form used in the registry. */
const named = (numbers: Readonly<Record<string, number>>) =>
  Object.entries(numbers).map(([name, code]) => ({ code, name: name.toLowerCase().replaceAll('_', '-') }));
const bare = (rows: readonly { code: number; name: string }[]) => rows.map(({ code, name }) => ({ code, name }));
const flagsOf = (type: string) =>
  Object.fromEntries(registry.flags.filter((flag) => flag.type === type).map(({ name, mask }) => [name, mask]));

describe('the registry', () => {
  it('has the header constants of the code', () => {
    expect(registry.version).toBe(codes.VERSION);
    expect(registry.port).toBe(DEFAULT_PORT);
    expect(registry.frame).toEqual({
      headerOctets: codes.HEADER_BYTES,
      leastLength: codes.BARE_LENGTH,
      mostLength: codes.MAX_LENGTH,
    });
  });

  it('has the types and body limits of the code', () => {
    expect(Object.fromEntries(registry.types.map(({ name, code }) => [name, code]))).toEqual(codes.FrameType);
    expect(Object.fromEntries(registry.types.map(({ code, maxBody }) => [code, maxBody]))).toEqual(codes.maxBody);
  });

  it('has the flags of the code', () => {
    expect(flagsOf('PING')).toEqual({ ...codes.PingFlag, HOPS: (0xff << codes.HOPS_SHIFT) & 0xff });
    expect(flagsOf('PONG')).toEqual(codes.PongFlag);
    expect(flagsOf('WATCH')).toEqual(codes.WatchFlag);
    expect(flagsOf('STATUS')).toEqual({ TRUNCATED: codes.PongFlag.TRUNCATED });
    expect(flagsOf('ERROR')).toEqual(codes.ErrorFlag);
    expect(new Set(registry.flags.map(({ type }) => type)).size).toBe(5);
  });

  it('has the codes of the code', () => {
    expect(bare(registry.scopes)).toEqual(named(codes.Scope));
    expect(registry.scopes.map(({ name }) => name)).toEqual([...scopes]);
    expect(bare(registry.statuses)).toEqual(named(codes.Status));
    expect(bare(registry.goaways)).toEqual(named(codes.GoawayReason));
    expect(bare(registry.errors)).toEqual(named(codes.WireError));
  });

  it('has a status for each state of a service', () => {
    expect(Object.fromEntries(registry.statuses.map(({ name, code }) => [name, code]))).toEqual(statusOf);
    expect(registry.statuses.map(({ name }) => name).sort()).toEqual([...states].sort());
  });

  it('marks every ERROR but 7 as fatal', () => {
    expect(registry.errors.filter(({ fatal }) => !fatal).map(({ code }) => code)).toEqual([codes.WireError.FORBIDDEN]);
  });

  it('has the reasons of the code', () => {
    expect(Object.fromEntries(registry.reasons.map(({ name, meaning }) => [name, meaning]))).toEqual(reasons);
    expect(registry.fixed.find(({ name }) => name === 'causesInReport')?.value).toBe(MAX_CAUSES);
  });
});

describe('the limits of the registry', () => {
  const { ping, heartbeat, limits } = defaultServerSettings;
  const sections: Record<string, object> = { ping, heartbeat, limits };

  it.each(registry.limits)('$key is $default $unit, as in the table of options', ({ key, default: value, unit }) => {
    const row = optionRows.find(({ path }) => path === key);
    const text = row?.default ?? '';
    const read =
      unit === 'ms' ? parseDuration(text) : Number(text.replace(/KiB$/, '')) * (text.endsWith('KiB') ? 1024 : 1);
    expect(read).toBe(value);
  });

  it('are the defaults of a server, all of them', () => {
    for (const [section, settings] of Object.entries(sections)) {
      const listed = registry.limits.filter(({ key }) => key.startsWith(`${section}.`));
      expect(
        Object.fromEntries(listed.map(({ key, default: value }) => [key.slice(section.length + 1), value])),
      ).toEqual(settings);
    }
  });
});
