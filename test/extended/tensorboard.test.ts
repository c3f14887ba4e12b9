import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeEvents } from '../../src/runtime/evaluation/report/tensorboard/event-file.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const READ = `import json, sys, tensorflow as tf
events = tf.compat.v1.train.summary_iterator(sys.argv[1])
print(json.dumps([[v.tag, e.step, round(v.simple_value, 6)] for e in events for v in e.summary.value]))`;

const CHECK = 'import tensorflow; print("true")';

describe.skipIf(!PYTHON || !hasTensorflow())('TensorBoard files', () => {
  const folder = tempFolder();

  it('are read by TensorFlow, step by step', () => {
    const scalars = Array.from({ length: 300 }, (_, step) => ({
      tag: `recall/${step % 3}`,
      step,
      value: step / 300,
    }));
    const file = join(folder, 'events.out.tfevents.1.neuroflare');
    writeFileSync(file, encodeEvents(scalars, 1));
    const read = python<[string, number, number][]>(READ, file);
    expect(read).toEqual(scalars.map(({ tag, step, value }) => [tag, step, Number(value.toFixed(6))]));
  });
});

function hasTensorflow(): boolean {
  try {
    return python<boolean>(CHECK);
  } catch {
    return false;
  }
}
