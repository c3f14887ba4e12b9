import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { type TaskResult, taskResult } from '../../../network/messages/site.ts';
import type { Answer, TaskEnd } from '../../../site/answer.ts';
import { engineFacts } from '../engine-facts.ts';
import type { Outbox } from './outbox.ts';

/** The end of a task in its wire form. What a script's process says is not trusted to be what our code in it would say. */
export function wireAnswer(end: TaskEnd, { site, round }: { site: string; round: number }): Outbox['answer'] {
  const { attempt } = end;
  if ('failure' in end) return { failure: { round, attempt, error: end.failure } };
  const told = taskResult.safeParse({ round, attempt, ...resultOf(end.answer) });
  const { update } = end.answer;
  if (told.success) return { result: told.data, ...(update && { file: update.path }) };
  const error = flError('NF_RESULT_INVALID', { reason: z.prettifyError(told.error) }).report();
  return { failure: { round, attempt, error: { ...error, place: { site, round } } } };
}

function resultOf(answer: Answer): Omit<TaskResult, 'round' | 'attempt'> {
  const { update, state, engine, metrics, statistics, seconds } = answer;
  const facts = engine && engineFacts(engine);
  return {
    encoding: 'safetensors',
    ...(facts && { engine: facts }),
    params_type: answer.paramsType,
    num_examples: answer.numExamples,
    metrics: { ...metrics },
    statistics,
    seconds,
    ...(update && { update: { sha256: update.sha256, size: update.size } }),
    ...(state !== undefined && { state_sha256: state }),
  };
}
