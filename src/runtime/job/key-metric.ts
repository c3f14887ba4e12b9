import type { JobFile } from './schema.ts';

/** Words in the names of figures of which less is better. */
const COSTS = new Set([
  ...[
    'loss',
    'losses',
    'logloss',
    'cost',
    'risk',
    'penalty',
    'nll',
    'bce',
    'entropy',
    'deviance',
    'divergence',
    'kl',
  ],
  ...['error', 'errors', 'err', 'mse', 'rmse', 'mae', 'mape', 'nrmse', 'brier', 'ece', 'perplexity', 'ppl'],
  ...[
    'distance',
    'hd',
    'hd95',
    'hausdorff',
    'asd',
    'assd',
    'fid',
    'wer',
    'cer',
    'eer',
    'fpr',
    'fnr',
    'regret',
  ],
]);

/** Which direction of a figure is better, by what it is called. */
export function goalByName(metric: string): 'maximize' | 'minimize' {
  return isCost(metric) ? 'minimize' : 'maximize';
}

/** What a job's author should know of how its best model is chosen. */
export function keyMetricWarnings({
  key_metric: metric,
  key_metric_goal: goal,
}: JobFile['workflow']): string[] {
  if (!isCost(metric) || goal === 'minimize') return [];
  return goal === undefined
    ? [`lower ${metric} is taken as better, by its name; workflow.key_metric_goal would say it`]
    : [`the best model is the one with the highest ${metric}: workflow.key_metric_goal says maximize`];
}

/** `val_loss`, `crossEntropy`, `trainloss`, `HD95`. */
function isCost(metric: string): boolean {
  const words = metric
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/);
  return words.some((word) => COSTS.has(word) || /(loss|error|entropy|perplexity)$/.test(word));
}
