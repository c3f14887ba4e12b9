import { partsOfTask } from '../algorithms/task.ts';
import { flError } from '../base/errors/errors.ts';
import type { RunHistory } from '../run/history.ts';
import type { SiteAnswer } from './channel.ts';

/** The failure that an answer is in truth: another engine than earlier in the run would go on with other bits. */
export function engineObjection({ engines }: RunHistory, answer: SiteAnswer): SiteAnswer | undefined {
  if (answer.type !== 'engine') return undefined;
  const { task, engine } = answer;
  const { site, round } = partsOfTask(task);
  const known = engines.get(site);
  if (
    !known ||
    ['name', 'device', 'library'].every((key) => Reflect.get(known, key) === Reflect.get(engine, key))
  )
    return undefined;
  const what = `the engine of ${site} (${known.name} on ${known.device} with ${known.library} before, ${engine.name} on ${engine.device} with ${engine.library} now)`;
  const error = flError('NF_RUN_CHANGED', { what }, { place: { site, round } }).report();
  return { type: 'failure', task, error };
}
