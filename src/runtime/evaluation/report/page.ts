import { Html, html } from '../../base/text/html.ts';
import type { Evaluation } from '../result.ts';
import type { ReportSource } from './gather.ts';
import { type AskedRun, evaluateCommand } from './next-command.ts';
import { answerSection, controlsSection } from './sections/answer.ts';
import { baselinesSection } from './sections/baselines.ts';
import {
  calibrationSection,
  classesSection,
  ownModelsOnTest,
  presenceSection,
  sitesSection,
} from './sections/classes.ts';
import { crossSiteSection } from './sections/cross-site.ts';
import { dataStatisticsSection } from './sections/data-statistics.ts';
import { casesSection, looksSection } from './sections/explanations.ts';
import { fairnessSection } from './sections/fairness.ts';
import { harmonisationSection } from './sections/harmonisation.ts';
import { maskCasesSection, maskSections } from './sections/masks.ts';
import { ownModelsSection } from './sections/own-models.ts';
import { privacySection } from './sections/privacy.ts';
import { curvesSection, dataSection, recordSection } from './sections/run.ts';
import { STYLE } from './style.ts';

/**
 * The whole report as one file that needs no network: style, charts and pictures are inside.
 * @param asked how the run was named, and where it was looked for: a command of the page names it so, too
 */
export function renderPage(source: ReportSource, asked: AskedRun): string {
  const { summary, card, evaluation } = source;
  const judged = evaluation && judgedParts(evaluation, source);
  const body = html`<header><h1>${summary.job}</h1><p>${card.job.description ?? ''} Run ${summary.run_id}, ${card.created.slice(0, 10)}.</p></header>
${evaluation ? answerSection(evaluation) : summary.data_statistics ? null : notEvaluated(source, asked)}
${dataStatisticsSection(source)}
${judged?.first ?? null}
${source.baselines ? baselinesSection(source.baselines) : null}
${judged?.second ?? null}
${summary.data_statistics ? null : curvesSection(source)}
${crossSiteSection(source)}
${ownModelsSection(source)}
${privacySection(source)}
${judged?.third ?? null}
${dataSection(source)}
${recordSection(source)}`;
  return frame(`${summary.job} ${summary.run_id}`, body);
}

/** What a page says of a judged model: before the baselines, behind them, and behind the curves of the training. */
interface JudgedParts {
  readonly first: Html | readonly (Html | null)[];
  readonly second: readonly (Html | null)[];
  readonly third: readonly (Html | null)[];
}

function judgedParts(evaluation: Evaluation, { overlays }: ReportSource): JudgedParts {
  if (evaluation.task === 'segmentation')
    return { first: maskSections(evaluation), second: [], third: [maskCasesSection(evaluation, overlays)] };
  return {
    first: [controlsSection(evaluation), looksSection(evaluation)],
    second: [
      presenceSection(evaluation),
      classesSection(evaluation),
      sitesSection(evaluation),
      fairnessSection(evaluation),
      ownModelsOnTest(evaluation),
    ],
    third: [
      harmonisationSection(evaluation),
      calibrationSection(evaluation),
      casesSection(evaluation, overlays),
    ],
  };
}

/** A page with the report's style around `body`. */
export function frame(title: string, body: Html): string {
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return html`${new Html('<!doctype html>')}<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title><style>${new Html(STYLE)}</style></head><body><main>${body}</main></body></html>
`.text;
}

function notEvaluated({ card }: ReportSource, asked: AskedRun): Html {
  const command = evaluateCommand(card, asked);
  const next =
    command === undefined
      ? 'What its model gives is judged by its script alone.'
      : html`Run <code>${command}</code>, then make the report again.`;
  return html`<section class="verdict undefined"><p class="answer">This run was not judged yet.</p>
<p class="sentence">The figures below are from validation images that chose the model, and no control stands beside them: they say little. ${next}</p></section>`;
}
