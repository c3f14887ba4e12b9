import { flError } from '../errors/errors.ts';
import { ANSWER_LIMITS, LEAST_EXAMPLES } from '../limits.ts';
import type { MetricReport, MetricValue } from './metrics.ts';

/**
 * The metrics of a site as they may be kept: plain JSON whose numbers are finite and bounded. A number that is none (NaN, Infinity)
 * is a figure that the site cannot give: null, with the reason in `undefined_because`.
 *
 * @throws NF_RESULT_METRICS, NF_RESULT_FIGURES_SIZE
 */
export function checkFigures(metrics: unknown): MetricReport {
  if (!isMap(metrics)) throw unusable('metrics are not an object');
  const reasons: Record<string, string> = {};
  const room = {
    left: ANSWER_LIMITS.figures_kb.most * 1000,
    values: ANSWER_LIMITS.values.most,
    names: ANSWER_LIMITS.names.most,
  };
  const { undefined_because: own, ...report } = checkMap(metrics, { path: '', depth: 0, reasons, room });
  const because = { ...(isMap(own) ? own : {}), ...reasons };
  const checked = { ...report, ...(Object.keys(because).length > 0 && { undefined_because: because }) };
  if (Buffer.byteLength(JSON.stringify(checked)) > ANSWER_LIMITS.figures_kb.most * 1000) throw tooLarge();
  return checked;
}

/** The weight of an update. @throws NF_RESULT_INVALID */
export function checkExamples(numExamples: unknown): number {
  if (typeof numExamples !== 'number') throw unusable(`numExamples is ${described(numExamples)}`);
  if (!(numExamples > 0)) throw unusable(`numExamples is ${numExamples}`);
  if (numExamples < LEAST_EXAMPLES)
    throw unusable(`numExamples is ${numExamples}, less than ${LEAST_EXAMPLES}`);
  if (numExamples > ANSWER_LIMITS.examples.most)
    throw unusable(`numExamples is ${numExamples}, more than ${ANSWER_LIMITS.examples.most}`);
  return numExamples;
}

/** A value in a word or two: `the text '0.9'`, `a list`. */
export function described(value: unknown): string {
  if (typeof value === 'string') return `the text '${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (Array.isArray(value)) return 'a list';
  if (value === null || value === undefined || typeof value !== 'object') return String(value);
  return 'a map';
}

/** A figure of such a name would be lost without a word, or its report refused on the way as no JSON. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

interface At {
  readonly path: string;
  readonly depth: number;
  /** Why a figure is null, by its path. */
  readonly reasons: Record<string, string>;
  /** Bytes of JSON that may still come: a list that names one list a thousand times, and so on, would not end before it is written. */
  readonly room: { left: number; values: number; names: number };
}

/** Takes the room of a value that has so many bytes at least. */
function take({ room }: At, bytes: number): void {
  room.left -= bytes;
  room.values--;
  if (room.left < 0 || room.values < 0) throw tooLarge();
}

function checkValue(value: unknown, at: At): MetricValue {
  take(at, typeof value === 'string' || Array.isArray(value) ? value.length + 1 : 1);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return checkNumber(value, at);
  if (at.depth > ANSWER_LIMITS.depth.most) throw refused(at, `over ${ANSWER_LIMITS.depth.most} levels deep`);
  if (Array.isArray(value))
    return value.map((item, index) =>
      checkValue(item, { ...at, path: `${at.path}[${index}]`, depth: at.depth + 1 }),
    );
  if (isMap(value)) return checkMap(value, { ...at, path: `${at.path}.`, depth: at.depth + 1 });
  throw refused(at, `a ${typeof value}`);
}

function checkMap(map: Readonly<Record<string, unknown>>, at: At): Record<string, MetricValue> {
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => {
      const here = { ...at, path: `${at.path}${name}` };
      if (name.length > ANSWER_LIMITS.figure_name.most)
        throw refused({ ...here, path: name.slice(0, 40) }, `a name of ${name.length} characters`);
      if (RESERVED.has(name)) throw refused(here, 'of a name that JavaScript takes for something else');
      here.room.left -= name.length;
      if (--here.room.names < 0) throw tooLarge();
      return [name, checkValue(value, here)];
    }),
  );
}

function checkNumber(value: number, at: At): number | null {
  if (!Number.isFinite(value)) {
    at.reasons[at.path] = String(value);
    return null;
  }
  if (Math.abs(value) > ANSWER_LIMITS.magnitude.most)
    throw refused(at, `${value}, beyond ${ANSWER_LIMITS.magnitude.most}`);
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

function tooLarge() {
  const { figures_kb: size, names, values } = ANSWER_LIMITS;
  return flError('NF_RESULT_FIGURES_SIZE', { limit: size.most, names: names.most, values: values.most });
}
