import { describe, expect, it } from 'vitest';
import { WORKFLOW_TYPES, type WorkflowType } from '../../../../../src/runtime/algorithms/registry.ts';
import { keyText, partsOfTask, seedOfTask } from '../../../../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import {
  requireSignedTask,
  type TaskLimits,
} from '../../../../../src/runtime/deployment/client/consent/signed-task.ts';
import { inputsDigest } from '../../../../../src/runtime/deployment/client/tasks/site-task.ts';

const ROUNDS = 3;
const JOB = { seed: 7, name: 'tiny' };
const model = (text: string) => ({ model: { sha256: sha256(text), size: 8 } });

/** As a server assigns it that knows all of the job, its seeds too. */
function ask(
  id: string,
  {
    type = 'fedavg' as WorkflowType,
    inputs = model('first'),
    last = null as object | null,
    over = {},
    options = {},
  } = {},
) {
  const assigned = { id, total_rounds: ROUNDS, seed: seedOfTask(JOB, partsOfTask(id)), inputs };
  const job = {
    ...JOB,
    workflow: { type, numRounds: ROUNDS, options },
  } as unknown as TaskLimits['job'];
  const limits = {
    site: 'site-1',
    job,
    model: { form_sha256: sha256('form'), size: 8 },
    expires: undefined,
    ...over,
  };
  return () =>
    requireSignedTask(assigned, limits, { last: last as Parameters<typeof requireSignedTask>[2]['last'] });
}

describe('a task that a server assigns', () => {
  it.each(WORKFLOW_TYPES)('is there once in a round of %s, and about nothing', (type) => {
    for (const id of ['train/1/site-1', `evaluate/${ROUNDS + 1}/site-1`]) {
      expect(ask(id, { type })).not.toThrow();
      const { round } = partsOfTask(id);
      const last = { round, inputs: { [keyText(partsOfTask(id))]: inputsDigest(model('first')) } };
      for (const about of ['site-2', 'site-1', 'x'.repeat(200)])
        expect(ask(`${id}/${about}`, { type, inputs: model('another'), last }), about).toThrow(
          expect.objectContaining({ code: 'NF_TASK_NOT_SIGNED' }),
        );
    }
  });

  it('to score models of sites is about sites of the job alone, each once', () => {
    const id = (about: string) => `validate/${ROUNDS + 1}/site-1/${about}`;
    const validate = (about: string, over: object, begun: readonly string[] = []) => {
      const last = {
        round: ROUNDS + 1,
        inputs: Object.fromEntries(
          begun.map((one) => [keyText(partsOfTask(id(one))), inputsDigest(model(one))]),
        ),
      };
      const inputs = model(about);
      return ask(id(about), { inputs, last, over, options: { cross_site_evaluation: true } });
    };
    const refused = expect.objectContaining({ code: 'NF_TASK_NOT_SIGNED' });
    const signed = { clients: ['site-1', 'site-2'] };
    expect(validate('site-2', signed, ['site-1'])).not.toThrow();
    expect(validate('site-2', signed, ['site-1', 'site-2'])).not.toThrow();
    expect(validate('site-3', signed)).toThrow(refused);
    expect(validate('site-2', {})).toThrow(refused);
  });
});
