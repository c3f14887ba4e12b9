import { isArrays, type TaskForm } from '../algorithms/task.ts';
import type { JobDefinition } from './definition.ts';
import { tasksOf } from './workflow-tasks.ts';

/**
 * The tasks of a round whose updates are summed up in secret, over a network (Bonawitz et al. 2017, figure 4): sites train, and keep what
 * came of it; they exchange keys; send shares of their secrets to one another; send their updates with masks on; agree on whose are there;
 * and open the sum of those.
 */
export const SECURE_TASKS = {
  keys: 'secagg_keys',
  shares: 'secagg_shares',
  masked: 'secagg_masked',
  agree: 'secagg_agree',
  open: 'secagg_open',
} as const;
export type SecurePhase = keyof typeof SECURE_TASKS;

/** What each of them begins with beside the model, and the JSON value that it brings; `masked` brings files. */
export const SECURE_WORDS = {
  keys: { input: 'secagg_session', value: 'member' },
  shares: { input: 'secagg_members', value: 'shares' },
  masked: { input: 'secagg_inbox' },
  agree: { input: 'secagg_survivors', value: 'agreement' },
  open: { input: 'secagg_agreements', value: 'unmasking' },
} as const satisfies Readonly<Record<SecurePhase, { input: string; value?: string }>>;

/** A certificate, keys and signatures. */
const MEMBER_BYTES = 16_000;
/** Of one site for another, at most 31 of them. */
const SHARE_BYTES = 2_000;
const MOST_PEERS = 32;

/** The task of training, whose update is summed up. */
export const SUMMED = 'train';

/** Which phase a task is of; undefined: of none. */
export function securePhase(task: string): SecurePhase | undefined {
  return (Object.keys(SECURE_TASKS) as SecurePhase[]).find((phase) => SECURE_TASKS[phase] === task);
}

/** What sites may be asked for in a job, over a network. */
export function networkTasksOf(
  job: Parameters<typeof tasksOf>[0] & Pick<JobDefinition, 'secureAggregation'>,
) {
  const tasks = tasksOf(job);
  const { [SUMMED]: train } = tasks;
  if (!job.secureAggregation || !train) return tasks;
  const files = Object.entries(train.answer);
  const phase = (name: SecurePhase, most: number): readonly [string, TaskForm] => {
    const words: { input: string; value?: string } = SECURE_WORDS[name];
    const value = words.value !== undefined && { values: { [words.value]: { most, by: 'client' } as const } };
    const inputs = { [words.input]: { form: 'opaque' } as const };
    return [SECURE_TASKS[name], { when: 'training', inputs, answer: {}, ...value }];
  };
  const masked = files.map(([name, rule]) => [name, { ...rule, masked: true } as const] as const);
  const [maskedName, maskedForm] = phase('masked', 0);
  return {
    ...tasks,
    // The update stays until it has its masks.
    [SUMMED]: { ...train, answer: Object.fromEntries(files.filter(([, { form }]) => !isArrays(form))) },
    ...Object.fromEntries([
      phase('keys', MEMBER_BYTES),
      phase('shares', SHARE_BYTES * MOST_PEERS),
      phase('agree', MEMBER_BYTES),
      phase('open', SHARE_BYTES * MOST_PEERS),
    ]),
    [maskedName]: {
      ...maskedForm,
      answer: Object.fromEntries(masked.filter(([, { form }]) => isArrays(form))),
    },
  };
}
