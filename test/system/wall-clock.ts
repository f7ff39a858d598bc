import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Debian keeps it in a folder of the machine's architecture. */
const library = () =>
  readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, 'faketime', 'libfaketime.so.1'))
    .find((path) => existsSync(path)) as string;

/** The wall clock of one process, which can be set; its monotonic clock is the machine's. */
export class WallClock {
  /** `file`: where libfaketime reads what time it is. */
  constructor(private readonly file: string) {
    writeFileSync(file, '+0');
  }

  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Sets it to so many seconds off, `+120`, at once. */
  step(seconds: string): void {
    writeFileSync(`${this.file}.new`, seconds);
    renameSync(`${this.file}.new`, this.file);
  }
}
