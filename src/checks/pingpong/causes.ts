import type { Cause } from '../../health/check.js';
import type { ReportBody } from '../../wire/bodies.js';

/**
 * The causes that another responder reports, as having come through it. None
 * where it reports none or what cannot be read: a failure must not pass for
 * one of our own because half of its causes were left out.
 */
export function causesOf(report: ReportBody | undefined): Cause[] {
  const { instance, causes } = report ?? {};
  if (typeof instance !== 'string' || !Array.isArray(causes) || !causes.every(isCause)) return [];
  return causes.map((cause) => ({ ...cause, via: [...cause.via, instance] }));
}

function isCause(value: unknown): value is Cause {
  if (typeof value !== 'object' || value === null) return false;
  const { instance, service, via, check, reason, output } = value as Partial<Record<keyof Cause, unknown>>;
  const words = [service, check, reason, output].filter((word) => word !== undefined);
  return [instance, ...words].every(isText) && Array.isArray(via) && via.every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
