import { describe, expect, it } from '@jest/globals';
import { MergedLog } from '../../src/threads/merged-log.js';
import { FakeClock } from '../fake-clock.js';
import { listening } from '../server/listening.js';

function opened() {
  const clock = new FakeClock();
  const { log, descriptions, fields } = listening();
  const merged = new MergedLog(log, clock);
  const write = (thread: number, message: string, more: object = {}) =>
    merged.write(thread, { kind: 'log', level: 'warn', fields: { listener: 'a', ...more }, message });
  return { clock, descriptions, fields, write };
}

describe('the log of several threads', () => {
  it('has a line of all of them once per 10 s, and then the number of suppressed ones', () => {
    const { clock, descriptions, fields, write } = opened();
    write(0, 'invalid token');
    write(1, 'invalid token');
    clock.jump(9999);
    write(2, 'invalid token', { suppressed: 4 });
    expect(fields).toEqual([{ listener: 'a' }]);
    clock.jump(1);
    write(1, 'invalid token', { suppressed: 2 });
    write(0, 'invalid token');
    expect(descriptions).toEqual(['invalid token', 'invalid token']);
    // Two lines of other threads, four lines that one of these had suppressed, and two of its own.
    expect(fields[1]).toEqual({ listener: 'a', suppressed: 8 });
  });

  it('keeps lines that differ in text or listener, and lines that one thread repeats', () => {
    const { fields, descriptions, write } = opened();
    write(0, 'a certificate');
    write(1, 'another certificate');
    write(1, 'a certificate', { listener: 'b' });
    write(0, 'a certificate');
    expect(descriptions).toHaveLength(4);
    expect(fields.some((line) => 'suppressed' in line)).toBe(false);
  });
});
