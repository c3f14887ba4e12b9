import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { siteTaskOf } from '../../../../../src/runtime/deployment/client/tasks/site-task.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import type { AssignedTask } from '../../../../../src/runtime/network/messages/site.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const jobOf = async (name: string, workflow: object) =>
  (await loadJob(await writeJob(join(root, name), { patch: { workflow } }))).definition;
const model = { sha256: '0'.repeat(64), size: 100 };
const task: AssignedTask = {
  id: 'validate/3/site-1/site-2',
  total_rounds: 2,
  seed: 1,
  inputs: { model },
};

describe('a task that a server assigns', () => {
  it('to score the model of another site is one of a job that asks for it alone', async () => {
    const asked = await jobOf('asked', { cross_site_evaluation: true });
    expect(siteTaskOf(task, asked)).toMatchObject({ about: 'site-2', form: { when: 'after', answer: {} } });
    const plain = await jobOf('plain', {});
    expect(() => siteTaskOf(task, plain)).toThrow("its workflow, fedavg, has no task 'validate'");
  });
});
