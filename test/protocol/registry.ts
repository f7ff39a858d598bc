import { readRoot } from '../readme/markdown.js';

interface Coded {
  code: number;
  name: string;
  meaning: string;
}

/** `protocol/registry.json`, the single source of types, codes, flags and limits. */
export interface Registry {
  protocol: string;
  version: number;
  port: number;
  frame: { headerOctets: number; leastLength: number; mostLength: number };
  types: (Coded & { sentBy: string; codeMeans: string; maxBody: number })[];
  flags: { type: string; mask: number; name: string; meaning: string }[];
  scopes: Coded[];
  statuses: (Coded & { healthy: boolean })[];
  goaways: Coded[];
  errors: (Coded & { fatal: boolean })[];
  limits: { key: string; default: number; unit: string; off?: 0; beyond: string }[];
  fixed: { name: string; value: number; unit: string; meaning: string }[];
  reasons: { name: string; meaning: string }[];
}

export const registry = JSON.parse(readRoot('protocol/registry.json')) as Registry;
