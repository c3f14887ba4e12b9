import { describe, expect, it } from 'vitest';
import { assignedTask, taskResult } from '../../../src/runtime/network/messages/site.ts';
import { requireValues } from '../../../src/runtime/run/task-values.ts';

/** What every object has, by names that somebody else may choose. */
const OF_ALL = Object.getOwnPropertyNames(Object.prototype);
const FILE = { sha256: 'a'.repeat(64), size: 1 };

describe('names that every object has', () => {
  it.each(OF_ALL)('are no task, no input and no file of an answer: %s', (name) => {
    const task = { id: 'train/1/site-1', total_rounds: 1, seed: 0, inputs: { model: FILE } };
    const files = JSON.parse(
      `{"model":${JSON.stringify(FILE)},${JSON.stringify(name)}:${JSON.stringify(FILE)}}`,
    );
    expect(assignedTask.safeParse(task).success).toBe(true);
    expect(assignedTask.safeParse({ ...task, id: `${name}/1/site-1` }).success).toBe(false);
    // What is called `__proto__` is left out, all others are refused.
    expect(Object.keys(assignedTask.safeParse({ ...task, inputs: files }).data?.inputs ?? {})).not.toContain(
      name,
    );
    const answer = {
      task: task.id,
      attempt: 1,
      encoding: 'safetensors',
      params_type: 'FULL',
      num_examples: 1,
    };
    const rest = { metrics: {}, seconds: 1 };
    expect(taskResult.safeParse({ ...answer, ...rest, files: { model: FILE } }).success).toBe(true);
    const given = taskResult.safeParse({ ...answer, ...rest, files }).data?.files ?? {};
    expect(Object.keys(given)).not.toContain(name);
  });

  it.each(OF_ALL)('are no value that a task asks for: %s', (name) => {
    const values = JSON.parse(`{${JSON.stringify(name)}:1}`);
    expect(() => requireValues(values, { when: 'training', answer: {} }, 'train/1/site-1')).toThrow(name);
  });
});
