import { describe, expect, it } from 'vitest';
import { jobFileSchema } from '../../../src/runtime/job/schema.ts';
import { wordsOf } from '../../../src/runtime/job/script-args.ts';

const EXECUTOR = { type: 'python', train_script: 'client.py' };

function faultsOf(over: object, executor: object = {}): string[] {
  const given = {
    version: 1,
    name: 'tiny',
    workflow: { type: 'fedavg', num_rounds: 1 },
    executor: { ...EXECUTOR, ...executor },
    model: { initial_params: { w: { data: [1] } } },
    ...over,
  };
  const { error } = jobFileSchema.safeParse(given);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`);
}

describe('a job whose script is in Python', () => {
  it('may have arguments, a framework and types of arrays', () => {
    const keys = {
      script_args: '--lr 0.1',
      framework: 'pytorch',
      launch_once: false,
      dtypes: { '*.n': 'int64' },
      processes: 2,
    };
    expect(faultsOf({ sites: { 'site-1': { script_args: ['--lr', '1'] } } }, keys)).toEqual([]);
  });

  it.each([
    ['args of a script in TypeScript', {}, { args: { lr: 1 } }, /^executor\.args .*script_args/],
    ['an argument without its end', {}, { script_args: "--name 'one" }, /^executor\.script_args has a quote/],
    [
      'a script of another language',
      {},
      { train_script: 'client.ts' },
      /^executor\.train_script must be a file \.py/,
    ],
    ["the other languages' framework", {}, { framework: 'tfjs' }, /^executor\.framework/],
    ['a type of arrays that a file has as it is', {}, { dtypes: { w: 'float32' } }, /^executor\.dtypes/],
    [
      'personal models',
      { workflow: { type: 'ditto', num_rounds: 1 } },
      {},
      /^workflow\.type asks more of the training/,
    ],
    [
      'tensors that stay',
      { workflow: { type: 'fedavg', num_rounds: 1, local_tensors: ['w'] } },
      {},
      /^workflow\.local_tensors needs neuroflare's own trainer/,
    ],
    [
      'SCAFFOLD, and a process for each task',
      { workflow: { type: 'scaffold', num_rounds: 1 } },
      { launch_once: false },
      /^executor\.launch_once must be true/,
    ],
    [
      'the gradient of SCAFFOLD',
      { workflow: { type: 'scaffold', num_rounds: 1, scaffold_option: 1 } },
      {},
      /^workflow\.scaffold_option/,
    ],
    ['no process', {}, { processes: 0 }, /^executor\.processes/],
    ['a promise of privacy', { privacy: { epsilon: 1, delta: 1e-5, clip: 1 } }, {}, /^privacy/],
    ['args of a site', { sites: { 'site-1': { args: { a: 1 } } } }, {}, /^sites\.site-1\.args/],
  ])('is refused with %s', (_, over, executor, fault) => {
    expect(faultsOf(over, executor)).toContainEqual(expect.stringMatching(fault));
  });

  it('has keys that others have not', () => {
    const script = { type: 'script', train_script: 'client.ts' };
    expect(faultsOf({}, { ...script, launch_once: true })).toEqual([
      expect.stringMatching(/^executor\.launch_once/),
    ]);
    expect(faultsOf({}, { ...script, framework: 'pytorch' })).toEqual([
      expect.stringMatching(/^executor\.framework/),
    ]);
    expect(faultsOf({}, { ...script, train_script: 'a.py' })).toEqual([
      expect.stringMatching(/set it to python/),
    ]);
  });
});

describe('the words of a command line', () => {
  it.each([
    ['', []],
    ['  a  b ', ['a', 'b']],
    [`'a b' "c 'd'" e'f g'h`, ['a b', "c 'd'", 'ef gh']],
    [String.raw`a\ b "\"\\\n" '\'`, ['a b', String.raw`"\\n`, '\\']],
    [`''`, ['']],
    [`"a`, undefined],
    [`a'`, undefined],
  ])('%s', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });
});
