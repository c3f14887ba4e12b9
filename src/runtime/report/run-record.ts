import { canonicalJson, sha256 } from '../kernel/digest.ts';
import type { ReportSource } from './gather.ts';

/**
 * `run_record.json`: what a result rests on, small enough to publish beside it. `sha256` is over the canonical JSON of all other
 * fields, so that a changed figure, job, data set or engine is found out.
 */
export function makeRunRecord(source: ReportSource): Record<string, unknown> {
  const { card, summary, evaluation } = source;
  const record = {
    version: 1,
    kind: 'neuroflare-run-record',
    intended_use: 'Research only; not a medical device.',
    run: { job: summary.job, run_id: summary.run_id, status: summary.status, created: card.created },
    job: { sha256: sha256(canonicalJson(card.job)), bundle_sha256: card.bundle_sha256, seed: card.job.seed },
    workflow: card.job.workflow,
    model: { ...card.job.model },
    data: {
      split_sha256: card.data?.split_sha256 ?? null,
      participants_sha256: evaluation?.data.participants_sha256 ?? null,
      sites: summary.sites,
      subjects: evaluation?.data.per_site ?? null,
    },
    engines: summary.engines,
    software: card.software,
    validation: {
      metric: summary.metric,
      final: summary.final?.value ?? null,
      best: summary.best?.value ?? null,
    },
    evaluation: evaluation
      ? {
          model_sha256: evaluation.model.sha256,
          part: evaluation.data.part,
          headline: evaluation.headline,
          figures: evaluation.figures,
          controls: evaluation.controls,
          masked: evaluation.masked,
          calibration: { temperature: evaluation.calibration.temperature },
          engine: evaluation.engine,
          seed: evaluation.seed,
        }
      : null,
    limits: [
      'Groups of images are computed from likeness; they are a lower bound on what belongs to one patient.',
      'Figures hold for images like the judged ones; another scanner or hospital needs its own evaluation.',
    ],
  };
  return { ...record, sha256: sha256(canonicalJson(record)) };
}
