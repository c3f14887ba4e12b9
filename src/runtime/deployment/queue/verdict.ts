import { flError, type NeuroflareError } from '../../base/errors/errors.ts';
import { counted } from '../../base/text/counted.ts';
import type { Refusal, WorkerRecord } from './records.ts';

export interface Terms {
  /** Id of the run's key. */
  readonly run: string;
  readonly version: string;
  readonly folder: string;
  /** What the run computes on; undefined: no worker has come yet. */
  readonly class: string | undefined;
  readonly mixedHardware: boolean;
}

export type Verdict = 'fit' | Refusal;

/**
 * Whether a worker takes part in a run, undefined while it has not said what it sees of it.
 * @param seesFile the file that the worker says it wrote into the run's folder is there
 */
export function judgeWorker(worker: WorkerRecord, terms: Terms, seesFile: boolean): Verdict | undefined {
  const asked = worker.asks[terms.run];
  if (!asked) return undefined;
  const { name, version } = worker;
  if (version !== terms.version)
    return refusalOf(flError('NF_WORKER_VERSION', { worker: name, version, wanted: terms.version }));
  if ('refusal' in asked) return asked.refusal;
  if (!seesFile) {
    const reason = 'what it writes there is not seen here';
    return refusalOf(flError('NF_WORKER_FILES', { worker: name, path: terms.folder, reason }));
  }
  if (terms.class === undefined || terms.mixedHardware || terms.class === asked.class) return 'fit';
  return refusalOf(flError('NF_WORKER_CLASS', { worker: name, found: asked.class, wanted: terms.class }));
}

export function refusalOf({ code, message }: Pick<NeuroflareError, 'code' | 'message'>): Refusal {
  return { code, message };
}

/** Who is there and who is not used, in one line. */
export function workersLine(verdicts: readonly Verdict[], hardware: string | undefined): string {
  const refused = verdicts.filter((verdict) => verdict !== 'fit');
  const all = verdicts.length;
  const fit = all - refused.length;
  const on = hardware === undefined ? '' : ` (${hardware})`;
  if (refused.length === 0) return `${counted(fit, 'worker')}${on}`;
  const others = refused.filter(({ code }) => code === 'NF_WORKER_CLASS').length;
  const said =
    others === refused.length
      ? `${others} of ${counted(all, 'worker')} ${others === 1 ? 'has' : 'have'} another processor or engine; --mixed-hardware uses ${others === 1 ? 'it' : 'them'}, and bits then depend on who ran what`
      : `${refused.length} of ${counted(all, 'worker')} cannot take part: ${reasonsOf(refused)}`;
  return `${counted(fit, 'worker')}${on}; ${said}`;
}

/** Each reason once. */
export function reasonsOf(refused: readonly Refusal[]): string {
  return [...new Set(refused.map(({ code, message }) => `${message.replace(/\.$/, '')} (${code})`))]
    .slice(0, 5)
    .join('; ');
}
