import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { boolean, bytes, pattern, payload } from '../../options/value-types.js';

export const tcpOptions: readonly OptionRow[] = [
  { path: 'url', type: url, required: true, description: 'tcp://HOST:PORT.' },
  {
    path: 'send',
    type: payload,
    defaultText: 'nothing',
    secret: true,
    description: 'A text that is sent; \\r, \\n, \\t, \\0, \\xHH and \\\\ stand for what they stand for in code.',
  },
  {
    path: 'expect',
    type: pattern,
    defaultText: 'nothing',
    description: 'A text that the answer must contain, or a /regular expression/ that it must match.',
  },
  {
    path: 'maxAnswer',
    type: bytes,
    default: '4KiB',
    min: 1,
    max: 64 * 1024,
    description: 'The most that is read of an answer; without what is expected in it the check fails.',
  },
  {
    path: 'force',
    type: boolean,
    default: 'false',
    description: 'Allows port 3306 all the same, where a MySQL server blocks a host after 100 broken handshakes.',
  },
];
