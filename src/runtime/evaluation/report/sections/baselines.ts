import { type Html, html } from '../../../base/text/html.ts';
import { BASELINE_MEANING, type Baselines } from '../../baselines/result.ts';
import { type IntervalRow, intervalChart } from '../charts/intervals.ts';
import { HEADLINE_TITLES, interval, percent } from '../figures.ts';

/** The federated model beside what each site could do alone and what all could do together. */
export function baselinesSection({ baselines, federated, budget, metric }: Baselines): Html {
  const rows: IntervalRow[] = [
    { label: 'federated', figure: federated.figure, kind: 'model' },
    ...baselines.map(
      ({ baseline, comparison }): IntervalRow => ({
        label: baseline,
        figure: comparison.other,
        kind: 'plain',
      }),
    ),
  ];
  const body = baselines.flatMap(({ baseline, comparison, sites }) => [
    line(baseline, 'all sites', comparison),
    ...Object.entries(sites).map(([site, own]) => line('', site, own)),
  ]);
  return html`<section><h2>Beside other ways to train</h2>
<p class="lead">${HEADLINE_TITLES[metric]} on the same test subjects; ${budget}. Differences are paired by subject.</p>
${intervalChart(rows, { title: `${HEADLINE_TITLES[metric]} of the federated model and the baselines` })}
<ul>${baselines.map(({ baseline, work }) => html`<li><b>${baseline}</b>: ${BASELINE_MEANING[baseline]}${work.images_seen === null ? '' : `; ${work.images_seen} images seen in training`}</li>`)}</ul>
<details><summary>By site, and how much worse the federated model may be</summary><div class="scroll" tabindex="0"><table>
<thead><tr><th>baseline</th><th class="text">tested on</th><th>baseline %</th><th>federated %</th><th>federated leads by</th><th>95 % interval</th><th>worse by at most</th></tr></thead>
<tbody>${body}</tbody><caption>Worse by at most: one-sided 95 % bound; federated is not inferior where it is under the margin that was set before.</caption></table></div></details></section>`;
}

function line(name: string, place: string, paired: Baselines['baselines'][number]['comparison']): Html {
  const { own, other, lead, worse_by_at_most: worse } = paired;
  return html`<tr><td>${name}</td><td class="text">${place}</td><td>${percent(other.value)}</td><td>${percent(own.value)}</td><td>${percent(lead.value)}</td><td>${interval(lead)}</td><td>${percent(worse)}</td></tr>`;
}
