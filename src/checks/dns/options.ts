import type { OptionRow } from '../../options/option.js';
import { enumeration, integer, pattern, text } from '../../options/value-types.js';
import { recordTypes } from './records.js';

export const dnsOptions: readonly OptionRow[] = [
  {
    path: 'name',
    type: text,
    required: true,
    description: 'Fully qualified name to query. Search domains and /etc/hosts are not used.',
  },
  { path: 'type', type: enumeration, values: recordTypes, default: 'A', description: 'Record type.' },
  {
    path: 'server',
    type: text,
    defaultText: 'from /etc/resolv.conf',
    description: 'Name server to query: IP or IP:PORT. Put an IPv6 address with a port in brackets.',
  },
  {
    path: 'minRecords',
    type: integer,
    default: '1',
    min: 1,
    max: 1000,
    description: 'Minimum number of records in the answer.',
  },
  {
    path: 'expect',
    type: pattern,
    defaultText: 'anything',
    description:
      'Text that at least one record must contain, or a /regular expression/ that at least one must match. Records are compared in zone file format, such as 10 mail.example for MX. TXT records are compared without quotes.',
  },
];
