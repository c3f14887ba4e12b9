/** Figures that are shares of something by their names, with any of `BEFORE` in front. */
const SHARES = new Set([
  'accuracy',
  'balanced_accuracy',
  'recall',
  'precision',
  'sensitivity',
  'specificity',
  'f1',
  'f1_score',
  'macro_f1',
  'micro_f1',
  'auroc',
  'auc',
  'roc_auc',
  'auprc',
  'average_precision',
  'dice',
  'dice_score',
  'iou',
  'jaccard',
]);
const BEFORE = /^(?:train|training|val|valid|validation|test)_/;

/** What a sum of shares may be off by. */
const ROUNDING = 1e-6;

export function isShare(name: string): boolean {
  return SHARES.has(name.toLowerCase().replace(BEFORE, ''));
}

export function isWithinShares(value: number): boolean {
  return value >= -ROUNDING && value <= 1 + ROUNDING;
}
