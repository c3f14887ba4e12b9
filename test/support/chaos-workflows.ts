import { join } from 'node:path';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { decodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { TINY_JOB, TINY_SCRIPT } from './job-folder.ts';
import type { ProcessFederation } from './process-federation.ts';
import { eventsOf, finalModel } from './run-files.ts';
import { SCAFFOLD_SCRIPT } from './scaffold-script.ts';
import { simulateQuietly } from './simulate-quietly.ts';

export type ChaosWorkflow = 'fedavg' | 'scaffold' | 'fedbuff';

/** A job that was disturbed and has ended. */
interface Ended {
  readonly job: string;
  readonly id: string;
  readonly federation: ProcessFederation;
  readonly clients: number;
}

interface Disturbed {
  readonly script: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly isUndisturbed: (ended: Ended) => Promise<boolean>;
}

/** So that kills come in the midst of tasks, and answers in changing order. */
const TAKES_TIME = 'await new Promise((resolve) => setTimeout(resolve, flare.seed() % 120));';

/** Of an answer that counts: a site that is killed comes back after several steps of the others. */
const MAX_STALENESS = 10;

/** Jobs whose scripts take some time, and what tells whether kills changed their models. */
export const CHAOS_WORKFLOWS: Readonly<Record<ChaosWorkflow, Disturbed>> = {
  fedavg: {
    script: TINY_SCRIPT.replace(
      'const noise =',
      `const kept = flare.loadState() ?? 1;
  flare.saveState((kept * 1.5) % 7);
  ${TAKES_TIME}
  const noise = kept *`,
    ),
    options: {},
    isUndisturbed: isAsSimulated,
  },
  scaffold: {
    script: SCAFFOLD_SCRIPT.replace('flare.tookSteps', `${TAKES_TIME}\n  flare.tookSteps`),
    options: {},
    isUndisturbed: isAsSimulated,
  },
  fedbuff: {
    script: TINY_SCRIPT.replace('const noise =', `${TAKES_TIME}\n  const noise = 0 *`),
    options: { buffer_size: 1, max_staleness: MAX_STALENESS },
    isUndisturbed: followsItsOrder,
  },
};

async function isAsSimulated({ job, id, federation, clients }: Ended): Promise<boolean> {
  const run = await simulateQuietly(job, { workspace: `${job}-simulated`, clients });
  return federation.model(id).equals(finalModel(run));
}

/**
 * The order of arrival is no other run's. In the order that was written down each answer is one step of 1 from the model that its site
 * received, and weighs 1 / sqrt(1 + s) after s steps of the server: the model is the first one and the sum of these.
 */
async function followsItsOrder({ id, federation }: Ended): Promise<boolean> {
  const events = eventsOf(join(federation.state, 'jobs', id));
  const accepted = new Set(events.flatMap((event) => (event.type === 'result.accepted' ? event.task : [])));
  let step = 1;
  let moved = 0;
  for (const event of events) {
    if (event.type !== 'answer.taken' || !accepted.has(event.task)) continue;
    const staleness = step - partsOfTask(event.task).round;
    if (staleness > MAX_STALENESS) continue;
    moved += 1 / Math.sqrt(1 + staleness);
    step++;
  }
  const { weights } = decodeSafetensors(federation.model(id), 'model');
  const wanted = TINY_JOB.model.initial_params.weights.data.map((first) => first + moved);
  return wanted.every((value, index) => Math.abs(Number(weights?.data[index]) - value) < 1e-3);
}
