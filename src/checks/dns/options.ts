import type { OptionRow } from '../../options/option.js';
import { enumeration, integer, pattern, text } from '../../options/value-types.js';
import { recordTypes } from './records.js';

export const dnsOptions: readonly OptionRow[] = [
  {
    path: 'name',
    type: text,
    required: true,
    description: 'Name to query, complete: neither search domains nor /etc/hosts are used.',
  },
  { path: 'type', type: enumeration, values: recordTypes, default: 'A', description: 'Type of the records.' },
  {
    path: 'server',
    type: text,
    defaultText: 'those of /etc/resolv.conf',
    description: 'Name server to query: IP or IP:PORT, an IPv6 address with a port in brackets.',
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
      'Text that one of the records must contain, or a /regular expression/ that one must match. A record is compared as in a zone file, such as 10 mail.example for MX; a TXT record without quotes.',
  },
];
