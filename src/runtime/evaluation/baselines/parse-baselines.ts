import { flError } from '../../base/errors/errors.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { BASELINES, type Baseline } from './result.ts';

/** `local,centralized` from the command line. @throws NF_BASELINES_UNKNOWN */
export function parseBaselines(text: string | undefined): Baseline[] {
  if (text === undefined) return [];
  return [...new Set(text.split(',').map((name) => name.trim()))].map((name) => {
    const known = BASELINES.find((one) => one === name);
    if (known) return known;
    const params = { name, nearest: didYouMean(name, BASELINES), known: BASELINES.join(', ') };
    throw flError('NF_BASELINES_UNKNOWN', params);
  });
}
