import type { Baselines } from '../runtime/evaluation/baselines/result.ts';
import { HEADLINE_TITLES } from '../runtime/evaluation/report/figures.ts';
import { interval, percent } from './figures.ts';
import { renderTable } from './table.ts';

/** The federated model beside its baselines, over all sites and at each, for people. */
export function renderBaselines({ baselines, federated, metric }: Baselines): string {
  const rows = baselines.flatMap(({ baseline, comparison, sites }) => [
    [baseline, 'all sites', ...figures(comparison)],
    ...Object.entries(sites).map(([site, own]) => ['', site, ...figures(own)]),
  ]);
  return [
    `${HEADLINE_TITLES[metric]} on the test images: federated ${percent(federated.figure.value)} % (${interval(federated.figure)})`,
    renderTable(
      [
        'baseline',
        'tested on',
        'baseline %',
        'federated %',
        'federated leads by',
        '95 % interval',
        'worse by at most',
      ],
      rows,
    ),
    ...baselines.map(
      ({ baseline, meaning, work }) =>
        `${baseline}: ${meaning}${work.images_seen === null ? '' : `; ${work.images_seen} images seen in training`}`,
    ),
  ].join('\n');
}

function figures({
  own,
  other,
  lead,
  worse_by_at_most: worse,
}: Baselines['baselines'][number]['comparison']): string[] {
  return [percent(other.value), percent(own.value), percent(lead.value), interval(lead), percent(worse)];
}
