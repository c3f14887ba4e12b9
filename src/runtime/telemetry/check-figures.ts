import { flError } from '../kernel/errors.ts';
import type { MetricReport, MetricValue } from './metrics.ts';

/**
 * What one answer of a site may say in numbers, in a simulation and at a server alike. Sums and means over 100,000 sites of numbers
 * within these limits are finite.
 */
export const ANSWER_LIMITS = {
  /** `numExamples`: the weight of an update. */
  examples: 1e12,
  /** The magnitude of a number in `metrics`. */
  figure: 1e100,
  /** Of `metrics` as JSON. */
  bytes: 1_000_000,
  /** Lists and maps within one another. */
  depth: 16,
} as const;

/**
 * The metrics of a site as they may be kept: plain JSON whose numbers are finite and bounded. A number that is none (NaN, Infinity)
 * is a figure that the site cannot give: null, with the reason in `undefined_because`.
 *
 * @throws NF_RESULT_METRICS, NF_RESULT_FIGURES_SIZE
 */
export function checkFigures(metrics: unknown): MetricReport {
  if (!isMap(metrics)) throw unusable('metrics are not an object');
  const reasons: Record<string, string> = {};
  const { undefined_because: own, ...report } = checkMap(metrics, { path: '', depth: 0, reasons });
  const because = { ...(isMap(own) ? own : {}), ...reasons };
  const checked = { ...report, ...(Object.keys(because).length > 0 && { undefined_because: because }) };
  const bytes = Buffer.byteLength(JSON.stringify(checked));
  if (bytes > ANSWER_LIMITS.bytes)
    throw flError('NF_RESULT_FIGURES_SIZE', { bytes, limit: ANSWER_LIMITS.bytes });
  return checked;
}

/** The weight of an update. @throws NF_RESULT_INVALID */
export function checkExamples(numExamples: unknown): number {
  if (typeof numExamples !== 'number') throw unusable(`numExamples is ${described(numExamples)}`);
  if (!(numExamples > 0)) throw unusable(`numExamples is ${numExamples}`);
  if (numExamples > ANSWER_LIMITS.examples)
    throw unusable(`numExamples is ${numExamples}, more than ${ANSWER_LIMITS.examples}`);
  return numExamples;
}

/** A value in a word or two: `the text '0.9'`, `a list`. */
export function described(value: unknown): string {
  if (typeof value === 'string') return `the text '${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (Array.isArray(value)) return 'a list';
  if (value === null || value === undefined || typeof value !== 'object') return String(value);
  return 'a map';
}

interface At {
  readonly path: string;
  readonly depth: number;
  /** Why a figure is null, by its path. */
  readonly reasons: Record<string, string>;
}

function checkValue(value: unknown, at: At): MetricValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return checkNumber(value, at);
  if (at.depth > ANSWER_LIMITS.depth) throw refused(at, `over ${ANSWER_LIMITS.depth} levels deep`);
  if (Array.isArray(value))
    return value.map((item, index) =>
      checkValue(item, { ...at, path: `${at.path}[${index}]`, depth: at.depth + 1 }),
    );
  if (isMap(value)) return checkMap(value, { ...at, path: `${at.path}.`, depth: at.depth + 1 });
  throw refused(at, `a ${typeof value}`);
}

function checkMap(map: Readonly<Record<string, unknown>>, at: At): Record<string, MetricValue> {
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [
      name,
      checkValue(value, { ...at, path: `${at.path}${name}` }),
    ]),
  );
}

function checkNumber(value: number, at: At): number | null {
  if (!Number.isFinite(value)) {
    at.reasons[at.path] = String(value);
    return null;
  }
  if (Math.abs(value) > ANSWER_LIMITS.figure) throw refused(at, `${value}, beyond ${ANSWER_LIMITS.figure}`);
  return value;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!value || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refused({ path }: At, value: string) {
  return flError('NF_RESULT_METRICS', { name: path, value });
}

function unusable(reason: string) {
  return flError('NF_RESULT_INVALID', { reason });
}
