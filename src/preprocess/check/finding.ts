import { z } from 'zod';
import type { ErrorCode } from '../../runtime/base/errors/catalog.ts';
import { NeuroflareError, type Place, toNeuroflareError } from '../../runtime/base/errors/errors.ts';
import type { TextParams } from '../../runtime/base/text/fill-text.ts';

/** `error`: the data cannot or must not be used so; `warning`: results may mislead; `note`: worth knowing. */
export const SEVERITIES = ['error', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something that a data set has or lacks: a line of a report, not a reason to stop at the first. */
export const findingSchema = z.object({
  code: z.string().describe('a row of docs/errors.md'),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  hint: z.string(),
  place: z
    .object({
      file: z.string().optional(),
      line: z.int().optional(),
      key: z.string().optional(),
      site: z.string().optional(),
      participant: z.string().optional(),
    })
    .describe('what is known of: file, line, key, site, participant'),
});
export type Finding = z.output<typeof findingSchema>;

export interface FindingPlace extends Pick<Place, 'file' | 'line' | 'key' | 'site'> {
  readonly participant?: string;
}

export function finding(
  severity: Severity,
  code: ErrorCode,
  what: { params?: TextParams; place?: FindingPlace } = {},
): Finding {
  const { message, hint } = new NeuroflareError(code, what.params ?? {}).report();
  return { code, severity, message, hint, place: { ...what.place } };
}

/** An error that reading something ended with, as a finding at its own place. @throws what is no fault of the data */
export function findingOf(thrown: unknown, place: FindingPlace = {}): Finding {
  const error: NeuroflareError = toNeuroflareError(thrown);
  if (error.code === 'NF_INTERNAL' || error.code === 'NF_INTERRUPTED') throw thrown;
  const { file, line, key, site } = error.place ?? {};
  const own = Object.entries({ file, line, key, site }).filter(([, value]) => value !== undefined);
  const { code, message, hint } = error.report();
  return { code, severity: 'error', message, hint, place: { ...place, ...Object.fromEntries(own) } };
}

export function countSeverities(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  return { error: count('error'), warning: count('warning'), note: count('note') };
}
