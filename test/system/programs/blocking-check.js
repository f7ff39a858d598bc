// A check that blocks the event loop from its first run until the file in its option is removed.
import { existsSync, writeSync } from 'node:fs';

const cell = new Int32Array(new SharedArrayBuffer(4));

export default ({ file }) =>
  () => {
    if (existsSync(file)) writeSync(1, '{"msg":"blocking"}\n');
    while (existsSync(file)) Atomics.wait(cell, 0, 0, 20);
    return true;
  };
