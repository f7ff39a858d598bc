import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { boolean, bytes, pattern, payload } from '../../options/value-types.js';

export const tcpOptions: readonly OptionRow[] = [
  { path: 'url', type: url, required: true, description: 'Address to connect to: tcp://HOST:PORT.' },
  {
    path: 'send',
    type: payload,
    defaultText: 'nothing',
    secret: true,
    description: 'Text to send. In the configuration file, \\r, \\n, \\t, \\0, \\xHH and \\\\ are escape sequences.',
  },
  {
    path: 'expect',
    type: pattern,
    defaultText: 'nothing',
    description: 'Text that the response must contain, or a /regular expression/ that it must match.',
  },
  {
    path: 'maxAnswer',
    type: bytes,
    default: '4KiB',
    min: 1,
    max: 64 * 1024,
    description:
      'Maximum size of the response to read. The check fails if this part does not contain the expected text.',
  },
  {
    path: 'force',
    type: boolean,
    default: 'false',
    description: 'Allows port 3306, where MySQL blocks a host after 100 incomplete handshakes.',
  },
];
