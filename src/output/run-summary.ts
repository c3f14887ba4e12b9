import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { CrossSiteEvaluation } from '../runtime/run/cross-site.ts';
import type { RunSummary } from '../runtime/run/run-report.ts';
import { meanOfCounts } from '../runtime/statistics/counted-shares.ts';
import { UNDEFINED } from '../runtime/statistics/figure.ts';
import { renderDataStatistics } from './data-statistics-text.ts';
import { renderTable } from './table.ts';

type CrossSiteScore = CrossSiteEvaluation[number]['scores'][string];

/** Sites shown each in a column of their own; with more, the least and the greatest. */
const MAX_COLUMNS = 6;

/** What a run came to so far, for people: figures by model and site, where the models lie, what to type next. */
export function renderSummary(summary: RunSummary): string {
  const { job, run_id: id, rounds, sites, metric, final, best, engines, parent } = summary;
  const { data_statistics: statistics } = summary;
  const engine = [...new Set(Object.values(engines).map(describeEngine))];
  return [
    `Run ${id} of ${job}, ${summary.status}: ${counted(rounds, 'round')}, ${counted(sites.length, 'site')}.`,
    ...(parent ? [`It goes on from the run ${parent.run_id}, after round ${parent.round}.`] : []),
    '',
    ...(statistics
      ? [renderDataStatistics(statistics)]
      : [`${metric} of each global model`, figures(summary)]),
    ...crossSite(summary),
    ...ownModels(summary),
    '',
    ...(engine.length > 0 ? [`engine       ${engine.join('; ')}`] : []),
    ...privacyLine(summary),
    ...(final && !statistics
      ? [`final model  ${shownPath(final.file)}  (model ${final.model}, ${metric} ${show(final.value)})`]
      : []),
    ...(best && !statistics
      ? [`best model   ${shownPath(best.file)}  (model ${best.model}, ${metric} ${show(best.value)})`]
      : []),
    `all results  ${shownPath(summary.run_folder)}`,
    ...(summary.status === 'interrupted' ? [`to go on     neuroflare simulate JOB --resume`] : []),
    ...summary.failures.map(
      ({ site, round, stage, code, message }) =>
        `warning: ${site} failed in ${stage ? `the ${stage}` : `round ${round}`}: ${code}: ${message}`,
    ),
    ...summary.warnings.map((warning) => `warning: ${warning}`),
  ].join('\n');
}

function privacyLine({ privacy }: RunSummary): string[] {
  if (!privacy) return [];
  const promise =
    privacy.epsilon === null
      ? `nothing is promised: ${privacy.reason}`
      : `epsilon ${privacy.epsilon.toPrecision(3)} at delta ${privacy.delta} for each group of people of each site${privacy.metrics === 'outside' ? '; these figures are no part of it' : ''}. It is of this run alone: over the network sites add up what all jobs cost, simulations on the same people nobody does`;
  return [`privacy      ${promise}`];
}

export function describeEngine({ name, device, library, detail }: RunSummary['engines'][string]): string {
  return `${name} on ${device} (${library}, ${detail})`;
}

function figures({ models, sites }: RunSummary): string {
  const wide = sites.length > MAX_COLUMNS;
  const header = ['model', 'all sites', ...(wide ? ['lowest site', 'highest site'] : sites), 'seconds'];
  const rows = models.map(({ model, pooled, sites: own, seconds }) => {
    const values = Object.values(own).filter((value) => value !== null);
    const columns = wide
      ? [Math.min(...values), Math.max(...values)]
      : sites.map((site) => own[site] ?? null);
    return [String(model), show(pooled), ...columns.map(show), seconds.toFixed(1)];
  });
  return renderTable(header, rows);
}

/** Each model by the sites that scored it: those in columns, or the least and the greatest. */
function crossSite({ cross_site_evaluation: models, sites, metric }: RunSummary): string[] {
  if (!models) return [];
  const wide = sites.length > MAX_COLUMNS;
  const rows = models.map(({ model, scores }) => {
    const values = sites.map((site) => scores[site]?.metrics?.[metric] ?? null);
    const known = values.filter((value) => value !== null);
    const columns = wide
      ? [Math.min(...known), Math.max(...known)].map(show)
      : sites.map((site) => withInterval(scores[site], metric));
    return [model ?? 'global model', ...columns];
  });
  const counts = sites.map((site) => models.find(({ scores }) => scores[site]?.num_examples)?.scores[site]);
  const heads = sites.map((site, at) => {
    const examples = counts[at]?.num_examples;
    return examples === undefined ? site : `${site} (n ${examples})`;
  });
  const reasons = models.flatMap(({ model, scores }) =>
    Object.entries(scores).flatMap(([site, { reason }]) =>
      reason === undefined
        ? []
        : [
            `${site} gave no figures of ${model === null ? 'the global model' : `the model of ${model}`}: ${reason}`,
          ],
    ),
  );
  return [
    '',
    `${metric} of the last models at each site`,
    renderTable(['model of', ...(wide ? ['lowest site', 'highest site'] : heads)], rows),
    ...reasons,
  ];
}

/** What each site ends with, and what it chose from. */
function ownModels({ own_models: own, metric }: RunSummary): string[] {
  if (!own) return [];
  const rows = own.map(({ site, chosen, scores }) => [
    site,
    ...(['global', 'personal', 'alone'] as const).map((name) => ownFigure(scores[name], metric)),
    chosen ?? '-',
  ]);
  return [
    '',
    `${metric} of the global model and the site's own, on its validation images`,
    renderTable(['site', 'global', 'personal', 'alone', 'it keeps'], rows),
  ];
}

/** Where the site has no key metric, for want of a class, what decided in its place. */
function ownFigure(score: CrossSiteScore | undefined, metric: string): string {
  const { metrics } = score ?? {};
  if (metrics?.[metric] !== undefined || metrics?.accuracy === undefined) return withInterval(score, metric);
  return `accuracy ${withInterval(score, 'accuracy')}`;
}

/** With its 95 % interval where the site counts what the figure is a share of. */
function withInterval(score: CrossSiteScore | undefined, metric: string): string {
  const value = show(score?.metrics?.[metric] ?? null);
  const shares = score?.shares?.[metric];
  const { low, high } = shares ? meanOfCounts(shares) : UNDEFINED;
  return low === null || high === null ? value : `${value} (${show(low)} to ${show(high)})`;
}

function show(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '-' : value.toFixed(3);
}
