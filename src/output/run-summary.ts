import { counted } from '../runtime/base/text/counted.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import type { RunSummary } from '../runtime/run/run-report.ts';
import { renderTable } from './table.ts';

/** Sites shown each in a column of their own; with more, the least and the greatest. */
const MAX_COLUMNS = 6;

/** What a run came to so far, for people: figures by model and site, where the models lie, what to type next. */
export function renderSummary(summary: RunSummary): string {
  const { job, run_id: id, rounds, sites, metric, final, best, engines, parent } = summary;
  const engine = [...new Set(Object.values(engines).map(describeEngine))];
  return [
    `Run ${id} of ${job}, ${summary.status}: ${counted(rounds, 'round')}, ${counted(sites.length, 'site')}.`,
    ...(parent ? [`It goes on from the run ${parent.run_id}, after round ${parent.round}.`] : []),
    '',
    `${metric} of each global model`,
    figures(summary),
    ...crossSite(summary),
    '',
    ...(engine.length > 0 ? [`engine       ${engine.join('; ')}`] : []),
    ...(final
      ? [`final model  ${shownPath(final.file)}  (model ${final.model}, ${metric} ${show(final.value)})`]
      : []),
    ...(best
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

export function describeEngine({ name, device, library, detail }: RunSummary['engines'][string]): string {
  return `${name} on ${device} (${library}, ${detail})`;
}

function figures({ models, sites }: RunSummary): string {
  const wide = sites.length > MAX_COLUMNS;
  const header = ['model', 'all sites', ...(wide ? ['worst site', 'best site'] : sites), 'seconds'];
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
    const columns = wide ? [Math.min(...known), Math.max(...known)] : values;
    return [model ?? 'global model', ...columns.map(show)];
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
    renderTable(['model of', ...(wide ? ['worst site', 'best site'] : sites)], rows),
    ...reasons,
  ];
}

function show(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '-' : value.toFixed(3);
}
