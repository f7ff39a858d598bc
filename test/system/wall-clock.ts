import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Debian keeps the library in a folder named after the machine's architecture. */
const library = () =>
  readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, 'faketime', 'libfaketime.so.1'))
    .find((path) => existsSync(path)) as string;

/** A wall clock for one process that can be set. The monotonic clock of the process is that of the machine. */
export class WallClock {
  /** @param file file from which libfaketime reads the time. */
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

  /** Sets the clock immediately. `seconds` is the offset, such as `+120`. */
  step(seconds: string): void {
    writeFileSync(`${this.file}.new`, seconds);
    renameSync(`${this.file}.new`, this.file);
  }
}
