import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jobWarnings } from '../../../src/runtime/federation/job-warnings.ts';
import { loadJob, readJob } from '../../../src/runtime/job/load.ts';
import { resolveVariable } from '../../../src/runtime/job/variables.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
const load = async (workflow: object) =>
  (await loadJob(await writeJob(join(root, String(count++)), { patch: { workflow } }))).definition.workflow;

describe('the options of a workflow', () => {
  it('are those of its type, with its defaults', async () => {
    expect((await load({ type: 'fedavg' })).options).toEqual({
      aggregator: 'weighted_mean',
      trim_ratio: 0.2,
      byzantine_clients: 1,
      clip_norm: 'median',
      local_tensors: [],
      cross_site_evaluation: false,
      early_stopping_patience: 0,
      early_stopping_min_delta: 0,
      ema_decay: 0,
      personalize_rounds: 0,
      personalize_tensors: [],
      final_evaluation: false,
      train_alone: true,
      harmonisation: 'none',
    });
    expect((await load({ type: 'fedopt', server_optimizer: 'adam', server_tau: 0.1 })).options).toEqual({
      aggregator: 'weighted_mean',
      trim_ratio: 0.2,
      byzantine_clients: 1,
      clip_norm: 'median',
      local_tensors: [],
      server_optimizer: 'adam',
      cross_site_evaluation: false,
      early_stopping_patience: 0,
      early_stopping_min_delta: 0,
      ema_decay: 0,
      personalize_rounds: 0,
      personalize_tensors: [],
      final_evaluation: false,
      train_alone: true,
      harmonisation: 'none',
      server_learning_rate: 1,
      server_momentum: 0.9,
      server_beta2: 0.99,
      server_tau: 0.1,
    });
  });

  it.each([
    ['FedAvgM', /is FedAvgM: that is fedopt with server_optimizer: sgd, its default/],
    ['fedadam', /fedopt with server_optimizer: adam/],
    ['fedbn', /fedavg with local_tensors: \['\*\/gamma'/],
    ['fedpro', /must be one of .*Did you mean 'fedprox'/],
  ])('by the name of a paper is refused with what it is here: %s', async (type, message) => {
    const error = await load({ type }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NF_JOB_INVALID', message: expect.stringMatching(message) });
    if (type !== 'fedpro') expect(String(error)).not.toContain('Did you mean');
  });

  it.each([
    [
      'of another type',
      { type: 'fedavg', server_optimizer: 'adam' },
      'server_optimizer',
      'is no option of fedavg',
    ],
    ['that contradict it', { type: 'cyclic', min_clients: 1 }, 'min_clients', 'take turns'],
    [
      'that contradict each other',
      { type: 'fedbuff', n_clients: 1, buffer_size: 1, max_staleness: 0 },
      'max_staleness',
      'take fedavg',
    ],
    ['that contradict a default', { type: 'fedbuff', n_clients: 1 }, 'buffer_size', 'more than n_clients'],
    [
      'without their use',
      { type: 'fedopt', aggregator: 'median', trim_ratio: 0.1 },
      'trim_ratio',
      'trimmed_mean alone',
    ],
    [
      'of another aggregator',
      { aggregator: 'median', byzantine_clients: 2 },
      'byzantine_clients',
      'multi_krum',
    ],
    ['of no aggregator', { clip_norm: 2 }, 'clip_norm', 'centered_clipping or norm_bound alone'],
    ['of no norm', { aggregator: 'norm_bound', clip_norm: 'mean' }, 'clip_norm', 'median'],
    ['of no size', { aggregator: 'norm_bound', clip_norm: 0 }, 'clip_norm', '0'],
    ['out of range', { type: 'fedopt', server_momentum: 1 }, 'server_momentum', 'below 1'],
    ['of another kind', { type: 'fedopt', server_optimizer: 'adamw' }, 'server_optimizer', 'sgd'],
    ['of an unknown workflow', { type: 'fedsgd' }, 'type', 'fedavg'],
  ])('%s are refused, with their key', async (_, workflow, key, reason) => {
    await expect(load(workflow)).rejects.toMatchObject({
      code: 'NF_JOB_INVALID',
      message: expect.stringMatching(new RegExp(`workflow\\.${key}[^]*${reason}`)),
    });
  });

  it('may be set from the command line though the job leaves them out', () => {
    expect(resolveVariable({ workflow: { type: 'fedopt' } }, 'server_learning_rate')).toBe(
      'workflow.server_learning_rate',
    );
  });

  describe('under its name of version 0.1.0, wait_after_quorum', () => {
    const old = { wait_after_quorum: 5 };
    const patched = (workflow: object) => writeJob(join(root, String(count++)), { patch: { workflow } });

    it('is read as wait_time_after_min_received, and the job is told of it', async () => {
      expect((await load(old)).waitTimeAfterMinReceived).toBe(5);
      const { loaded, bundle } = await readJob(await patched(old));
      expect(jobWarnings(loaded, bundle)).toContain(
        'workflow.wait_after_quorum is called wait_time_after_min_received now, as in nvflare; the old name is still read',
      );
      const today = await readJob(await patched({ wait_time_after_min_received: 5 }));
      expect(today.loaded.definition.workflow).toEqual(loaded.definition.workflow);
      expect(jobWarnings(today.loaded, today.bundle).join()).not.toContain('old name');
    });

    it.each([
      ['wait_after_quorum', old],
      ['wait_time_after_min_received', old],
      ['wait_after_quorum', { wait_time_after_min_received: 5 }],
      ['wait_after_quorum', {}],
    ])('may be set by %s whichever name the job has', async (name, workflow) => {
      const { definition } = await loadJob(await patched(workflow), [{ name, value: 7 }]);
      expect(definition.workflow.waitTimeAfterMinReceived).toBe(7);
    });

    it.each<[string, object, string]>([
      ['beside the new one', { ...old, wait_time_after_min_received: 5 }, 'give one of them'],
      ['where nobody waits', { ...old, type: 'cyclic' }, 'take turns'],
      ['without a number', { wait_after_quorum: 'long' }, 'must be a number'],
    ])('is refused %s', async (_, workflow, reason) => {
      await expect(load(workflow)).rejects.toMatchObject({
        code: 'NF_JOB_INVALID',
        message: expect.stringMatching(new RegExp(`workflow\\.wait_after_quorum[^]*${reason}`)),
      });
    });
  });
});
