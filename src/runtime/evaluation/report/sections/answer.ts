import { counted } from '../../../base/text/counted.ts';
import { type Html, html } from '../../../base/text/html.ts';
import type { ClassEvaluation } from '../../class-result.ts';
import type { Evaluation } from '../../result.ts';
import type { EstimateFigure, Verdict } from '../../result-parts.ts';
import type { MaskEvaluation } from '../../segmentation/mask-result.ts';
import { type IntervalRow, intervalChart } from '../charts/intervals.ts';
import { classTitle, decimal, interval, millimetres, percent } from '../figures.ts';

const ANSWERS: Readonly<Record<Evaluation['task'], Readonly<Record<Verdict, string>>>> = {
  classification: {
    beats_controls: 'The model knows more than the shortcuts do.',
    not_shown: 'It is not shown that the model knows more than the shortcuts do.',
    below_controls: 'Shortcuts tell the classes apart better than the model does.',
    no_controls: 'What this figure is worth is not known: no controls were run.',
    undefined: 'There is no answer: the test images lack a class.',
  },
  segmentation: {
    beats_controls: 'The model knows more than the shortcuts do.',
    not_shown: 'It is not shown that the model knows more than the shortcuts do.',
    below_controls: 'Shortcuts label voxels better than the model does.',
    no_controls: 'What this figure is worth is not known: no controls were run.',
    undefined: 'There is no answer: no test mask shows a label.',
  },
};

/** The answer first: one sentence, and the figure beside what shortcuts reach. */
export function answerSection(evaluation: Evaluation): Html {
  const { headline, data, task } = evaluation;
  return html`<section class="verdict ${headline.verdict}">
<p class="answer">${ANSWERS[task][headline.verdict]}</p>
<p class="sentence">${headline.sentence}</p>
<p class="notice">Judged on ${counted(data.subjects, 'subject')} in ${counted(data.groups, 'group')} at ${counted(data.sites.length, 'site')} that the model has not seen (${data.part} part).
For research only; not a medical device.</p>
${evaluation.task === 'segmentation' ? maskTiles(evaluation) : classTiles(evaluation)}</section>`;
}

function maskTiles({ figures, per_label: labels }: MaskEvaluation): Html {
  const [only] = labels;
  const single = labels.length === 1 ? only?.figures : undefined;
  return html`<div class="tiles">
${tile(percent(figures.dice?.value), '%', `Dice, ${interval(figures.dice)}`)}
${tile(percent(figures.specificity?.value), '%', `of volumes without a label none found, ${interval(figures.specificity)}`)}
${single ? tile(millimetres(single.hd95?.value), 'mm', 'HD95, mean') : null}
${single ? tile(percent(single.lesion_sensitivity?.value), '%', `of lesions found, ${interval(single.lesion_sensitivity)}`) : null}
${tile(decimal(figures.nll?.value), '', 'cross entropy of a voxel')}
</div>`;
}

function classTiles({ figures, worst, per_class: classes, calibration }: ClassEvaluation): Html {
  const weakest = classes.find(({ class: name }) => name === worst.class);
  const ece = calibration.temperature === null ? figures.ece : figures['ece.calibrated'];
  return html`<div class="tiles">
${tile(percent(figures.balanced_accuracy?.value), '%', `balanced accuracy, ${interval(figures.balanced_accuracy)}`)}
${tile(percent(figures.auroc?.value), '%', `AUROC, mean of classes, ${interval(figures.auroc)}`)}
${weakest ? tile(percent(weakest.recall.value), '%', `recall of ${classTitle(weakest.class)}, the worst class`) : null}
${tile(decimal(figures.nll?.value), '', 'negative log-likelihood')}
${tile(percent(ece?.value), '%', `calibration error, ${calibration.temperature === null ? 'not calibrated' : 'calibrated'}`)}
</div>`;
}

function tile(value: string, unit: string, text: string): Html {
  return html`<div class="tile"><b>${value}${value === '–' ? '' : ` ${unit}`}</b><span>${text}</span></div>`;
}

/** The model among the controls, strongest first. */
export function controlsSection(evaluation: ClassEvaluation): Html {
  const { controls, headline, figures, chance, tumour_types: types, federated } = evaluation;
  if (!controls) {
    return html`<section><h2>Controls</h2><p class="lead">No controls were run, so it is not known what size, frame, outline or plain pixels reach on these images.</p></section>`;
  }
  const strongest = headline.strongest_control?.name;
  const ordered = controls.toSorted(
    (a, b) => (b.balanced_accuracy.value ?? 0) - (a.balanced_accuracy.value ?? 0),
  );
  const rows: IntervalRow[] = [
    { label: 'model', figure: figures.balanced_accuracy ?? UNDEFINED, kind: 'model' },
    ...ordered.map(
      ({ name, balanced_accuracy: figure }): IntervalRow => ({
        label: name,
        figure,
        kind: name === strongest ? 'strong' : 'plain',
      }),
    ),
  ];
  const body = ordered.map(
    ({ name, sees, lead }) =>
      html`<tr><td>${name}</td><td class="text">${sees}</td><td>${percent(lead.value)}</td><td>${interval(lead)}</td></tr>`,
  );
  return html`<section><h2>Beside the shortcuts</h2>
<p class="lead">Balanced accuracy of the model and of controls that learnt from ${federated ? 'the training images of their own site' : 'the same training images'} and were tested on the same test images.
Whiskers are 95 % intervals, in which images that may be of one patient count as one as far as they are alike; the dashed line is chance.</p>
${intervalChart(rows, { chance, title: 'Balanced accuracy of the model and the controls' })}
<details><summary>What each control sees, and the model's lead over it</summary><div class="scroll" tabindex="0"><table>
<thead><tr><th>control</th><th class="text">what it sees</th><th>model leads by</th><th>95 % interval</th></tr></thead><tbody>${body}</tbody></table></div></details>
${types ? tumourTypes(types) : null}</section>`;
}

const UNDEFINED: EstimateFigure = { value: null, low: null, high: null };

function tumourTypes({
  classes,
  subjects,
  balanced_accuracy: own,
  controls,
}: NonNullable<ClassEvaluation['tumour_types']>): Html {
  const known = Object.entries(controls).sort(([, a], [, b]) => (b.value ?? 0) - (a.value ?? 0));
  const [best] = known;
  const beside = best
    ? html`; the strongest control, ${best[0]}, ${percent(best[1].value)} % (${interval(best[1])})`
    : null;
  return html`<h3>Tumour types alone</h3>
<p>Images without a tumour may come from another source. Among ${classes.map(classTitle).join(', ')} alone (${counted(subjects, 'subject')}) the model reaches
${percent(own.value)} % (${interval(own)})${beside}. Chance is ${percent(1 / classes.length)} %.</p>`;
}
