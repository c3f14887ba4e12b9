import { describe, expect, it } from 'vitest';
import { goalByName, keyMetricWarnings } from '../../../src/runtime/job/key-metric.ts';
import { jobFileSchema } from '../../../src/runtime/job/schema.ts';

const workflow = (key_metric: string, key_metric_goal?: string) =>
  jobFileSchema.parse({
    version: 1,
    name: 'x',
    workflow: { type: 'fedavg', num_rounds: 1, key_metric, key_metric_goal },
    executor: { type: 'script', train_script: 'a.ts', framework: 'numpy' },
    model: { type: 'mri-cnn' },
  }).workflow;

describe('a key metric', () => {
  it.each([
    ...['loss', 'val_loss', 'valLoss', 'trainloss', 'cross-entropy', 'MSE', 'rmse', 'mean absolute error'],
    ...['perplexity', 'Brier', 'HD95', 'hausdorff_distance', 'nll', 'metrics/test.loss'],
  ])('%s is better when it is less', (name) => {
    expect(goalByName(name)).toBe('minimize');
  });

  it.each(['accuracy', 'balanced_accuracy', 'dice', 'auc', 'lossless', 'f1', 'sensitivity', 'terminal'])(
    '%s is better when it is more',
    (name) => {
      expect(goalByName(name)).toBe('maximize');
    },
  );

  it('says what is taken for granted, and what is against its name', () => {
    expect(keyMetricWarnings(workflow('val_loss'))[0]).toContain('lower val_loss is taken as better');
    expect(keyMetricWarnings(workflow('val_loss', 'maximize'))[0]).toContain('highest val_loss');
    expect(keyMetricWarnings(workflow('val_loss', 'minimize'))).toEqual([]);
    expect(keyMetricWarnings(workflow('dice'))).toEqual([]);
  });
});
