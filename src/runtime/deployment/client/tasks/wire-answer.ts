import { z } from 'zod';
import { partsOfTask } from '../../../algorithms/task.ts';
import { flError } from '../../../base/errors/errors.ts';
import { type TaskResult, taskResult } from '../../../network/messages/site.ts';
import type { Answer, TaskEnd } from '../../../site/answer.ts';
import { engineFacts } from '../engine-facts.ts';
import type { Outbox } from './outbox.ts';

/** The end of a task in its wire form. What a script's process says is not trusted to be what our code in it would say. */
export function wireAnswer(end: TaskEnd, task: string): Outbox['answer'] {
  const { attempt } = end;
  if ('failure' in end) return { failure: { task, attempt, error: end.failure } };
  const told = taskResult.safeParse({ task, attempt, ...resultOf(end.answer) });
  const paths = Object.entries(end.answer.files).map(([name, { path }]) => [name, path]);
  if (told.success) return { result: told.data, files: Object.fromEntries(paths) };
  const error = flError('NF_RESULT_INVALID', { reason: z.prettifyError(told.error) }).report();
  const { site, round } = partsOfTask(task);
  return { failure: { task, attempt, error: { ...error, place: { site, round } } } };
}

function resultOf(answer: Answer): Omit<TaskResult, 'task' | 'attempt'> {
  const { state, engine, metrics, statistics, values, seconds } = answer;
  const facts = engine && engineFacts(engine);
  const files = Object.entries(answer.files).map(([name, { sha256, size }]) => [name, { sha256, size }]);
  return {
    encoding: answer.encoding ?? 'safetensors',
    ...(facts && { engine: facts }),
    params_type: answer.paramsType,
    num_examples: answer.numExamples,
    metrics: { ...metrics },
    statistics,
    seconds,
    files: Object.fromEntries(files),
    ...(values && { values: { ...values } }),
    ...(state !== undefined && { state_sha256: state }),
  };
}
