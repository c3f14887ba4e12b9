import { describe, expect, it } from 'vitest';
import { COMMON_TASKS } from '../../../src/runtime/algorithms/task.ts';
import type { ParamSet } from '../../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import type { SentModel } from '../../../src/runtime/site/client-api/fl-model.ts';
import { Session, type SessionContext } from '../../../src/runtime/site/client-api/session.ts';
import { float32 } from '../../support/param-sets.ts';

const PARAMS: ParamSet = { bias: float32([0]), weights: float32([1, 2]) };

function session(over: Partial<SessionContext> = {}): Session {
  return new Session({
    task: 'train',
    form: COMMON_TASKS.train,
    files: {},
    site: 'site-1',
    jobName: 'job',
    currentRound: 1,
    totalRounds: 3,
    seed: 5,
    args: {},
    data: undefined,
    model: undefined,
    params: PARAMS,
    state: undefined,
    ...over,
  });
}

/** The arrays of what a task came to. */
const sentBy = ({ result }: Session) =>
  result?.files.model && decodeSafetensors(result.files.model, 'update');

const refused = (sent: unknown, over: Partial<SessionContext> = {}) => {
  try {
    session(over).send(sent as SentModel);
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: 'none', message: 'sent' };
};

describe('what a site receives', () => {
  it('is the model and where the job stands', () => {
    expect(session().receive()).toEqual({ params: PARAMS, files: {}, currentRound: 1, totalRounds: 3 });
  });

  it('is its own: what it writes into it changes nothing about what it may send', () => {
    const task = session({ params: { ...PARAMS, weights: float32([1, 2]) } });
    const { params } = task.receive();
    Object.assign(params, { more: float32([1]) });
    params.weights?.data.fill(9);
    task.send({ params: PARAMS });
    expect(sentBy(task)).toEqual(PARAMS);
  });

  it('comes once', () => {
    const task = session();
    task.receive();
    expect(() => task.receive()).toThrow(expect.objectContaining({ code: 'NF_SCRIPT_USE' }));
  });
});

describe('what a site sends', () => {
  it('has no key that would be lost', () => {
    expect(refused({ params: PARAMS, num_examples: 99 })).toEqual(
      expect.objectContaining({
        code: 'NF_RESULT_INVALID',
        message: expect.stringContaining("'numExamples' is"),
      }),
    );
  });

  it('is kept with the defaults: a whole model of one example', () => {
    const task = session();
    task.send({ params: PARAMS });
    expect(sentBy(task)).toEqual(PARAMS);
    expect(task.result).toEqual({
      files: { model: encodeSafetensors(PARAMS) },
      paramsType: 'FULL',
      metrics: {},
      numExamples: 1,
      state: undefined,
    });
  });

  it('ends the task', () => {
    const task = session();
    expect(task.isRunning()).toBe(true);
    task.send({ params: PARAMS });
    expect(task.isRunning()).toBe(false);
    expect(() => task.send({ params: PARAMS })).toThrow('flare.send() was called twice');
  });

  it('is what it was when it was sent', () => {
    const task = session();
    const weights = float32([1, 2]);
    const metrics = { list: [1] };
    task.send({ params: { ...PARAMS, weights }, metrics });
    weights.data.fill(Number.NaN);
    metrics.list.push(Number.NaN);
    expect([...(sentBy(task)?.weights?.data ?? [])]).toEqual([1, 2]);
    expect(task.result?.metrics).toEqual({ list: [1] });
  });

  it('brings what the workflow asks for beside the model, and nothing else', () => {
    const form = {
      when: 'training',
      answer: {
        ...COMMON_TASKS.train.answer,
        control: { form: 'like:model' },
        part: { form: 'subset:model', optional: true },
        share: { form: 'opaque', most: 3 },
      },
      values: { vote: { most: 20 } },
    } as const;
    const good = {
      params: PARAMS,
      files: { control: PARAMS, share: Uint8Array.of(1, 2) },
      values: { vote: { yes: true } },
    };
    const task = session({ form });
    task.send(good);
    expect(task.result).toMatchObject({
      files: { control: encodeSafetensors(PARAMS), share: Uint8Array.of(1, 2) },
      values: { vote: { yes: true } },
    });
    const { share } = good.files;
    const cases: [string, object][] = [
      ['NF_PAYLOAD_MISSING', { ...good, files: { share } }],
      ['NF_PAYLOAD_MISSING', { ...good, values: {} }],
      ['NF_PAYLOAD_UNKNOWN', { ...good, files: { ...good.files, more: share } }],
      ['NF_PAYLOAD_UNKNOWN', { ...good, values: { ...good.values, more: 1 } }],
      ['NF_PAYLOAD_TOO_LARGE', { ...good, files: { ...good.files, share: new Uint8Array(4) } }],
      ['NF_PAYLOAD_TOO_LARGE', { ...good, values: { vote: 'x'.repeat(30) } }],
      ['NF_PAYLOAD_FORM', { ...good, files: { ...good.files, share: 'text' } }],
      ['NF_PAYLOAD_FORM', { ...good, values: { vote: () => 1 } }],
      ['NF_TENSORS_NAMES', { ...good, files: { ...good.files, control: { bias: PARAMS.bias } } }],
      ['NF_TENSORS_NAMES', { ...good, files: { ...good.files, part: { other: PARAMS.bias } } }],
      ['NF_TENSORS_NOT_FINITE', { ...good, files: { ...good.files, part: { bias: float32([Number.NaN]) } } }],
    ];
    for (const [code, sent] of cases) expect(refused(sent, { form })).toMatchObject({ code });
  });

  it('may be differences', () => {
    const task = session();
    task.send({ params: PARAMS, paramsType: 'DIFF', numExamples: 0.5 });
    expect(task.result).toMatchObject({ paramsType: 'DIFF', numExamples: 0.5 });
  });

  it('for an evaluation is metrics alone', () => {
    const task = session({ task: 'evaluate', form: COMMON_TASKS.evaluate });
    task.send({ metrics: { accuracy: 1 } });
    expect(task.result).toMatchObject({ files: {}, metrics: { accuracy: 1 } });
  });

  it('for an evaluation leaves params out, whatever they are', () => {
    const task = session({ task: 'evaluate', form: COMMON_TASKS.evaluate });
    task.send({ metrics: {}, params: { nonsense: float32([Number.NaN]) } });
    expect(task.result?.files).toEqual({});
  });

  it('may be any plain JSON as metrics', () => {
    const metrics = { a: 1, b: null, c: 'x', d: true, e: [1, [2, null]], f: { g: { h: -0.5 } } };
    const task = session();
    task.send({ params: PARAMS, metrics });
    expect(task.result?.metrics).toEqual(metrics);
  });

  it.each([
    ['nothing', undefined, 'NF_RESULT_INVALID', 'it is undefined'],
    ['null', null, 'NF_RESULT_INVALID', 'it is null'],
    ['a number', 5, 'NF_RESULT_INVALID', 'it is 5'],
    ['no params', {}, 'NF_RESULT_INVALID', 'params are missing'],
    [
      'a foreign paramsType',
      { params: PARAMS, paramsType: 'full' },
      'NF_RESULT_INVALID',
      'paramsType is full',
    ],
    ['zero examples', { params: PARAMS, numExamples: 0 }, 'NF_RESULT_INVALID', 'numExamples is 0'],
    ['negative examples', { params: PARAMS, numExamples: -1 }, 'NF_RESULT_INVALID', 'numExamples is -1'],
    ['NaN examples', { params: PARAMS, numExamples: Number.NaN }, 'NF_RESULT_INVALID', 'numExamples is NaN'],
    [
      'endless examples',
      { params: PARAMS, numExamples: 1 / 0 },
      'NF_RESULT_INVALID',
      'numExamples is Infinity',
    ],
    [
      'more examples than add up',
      { params: PARAMS, numExamples: 1e300 },
      'NF_RESULT_INVALID',
      'numExamples is 1e+300',
    ],
    [
      'text as examples',
      { params: PARAMS, numExamples: '5' },
      'NF_RESULT_INVALID',
      "numExamples is the text '5'",
    ],
    ['a list as metrics', { params: PARAMS, metrics: [1] }, 'NF_RESULT_INVALID', 'metrics are not an object'],
    ['null as metrics', { params: PARAMS, metrics: null }, 'NF_RESULT_INVALID', 'metrics are not an object'],
    [
      'a figure beyond all measure',
      { params: PARAMS, metrics: { a: { b: [1, -1.7e308] } } },
      'NF_RESULT_METRICS',
      "'a.b[1]' is -1.7e+308, beyond 1e+100",
    ],
    [
      'a number of examples beyond all measure',
      { params: PARAMS, numExamples: Number.MAX_SAFE_INTEGER },
      'NF_RESULT_INVALID',
      'numExamples is 9007199254740991, more than 1000000000000',
    ],
    [
      'data for figures',
      { params: PARAMS, metrics: { image: 'x'.repeat(1_000_000) } },
      'NF_RESULT_FIGURES_SIZE',
      'more than 1000 kB',
    ],
    [
      'a number for every pixel',
      { params: PARAMS, metrics: { image: Array(100_001).fill(0) } },
      'NF_RESULT_FIGURES_SIZE',
      'more than 100000 values',
    ],
    [
      'the same list a thousand times over, level by level',
      {
        params: PARAMS,
        metrics: { a: Array.from({ length: 8 }).reduce<unknown>((one) => Array(1000).fill(one), 0) },
      },
      'NF_RESULT_FIGURES_SIZE',
      'more than 1000 kB',
    ],
    [
      'a long name of a figure',
      { params: PARAMS, metrics: { a: { ['x'.repeat(201)]: 1 } } },
      'NF_RESULT_METRICS',
      'a name of 201 characters',
    ],
    [
      'undefined as metric',
      { params: PARAMS, metrics: { a: undefined } },
      'NF_RESULT_METRICS',
      'a undefined',
    ],
    ...[
      '{"__proto__": 1}',
      '{"a": {"__proto__": 1}}',
      '{"prototype": {"constructor": {"prototype": 3}}}',
    ].map((text): [string, unknown, string, string] => [
      `a figure whose name is lost on the way: ${text}`,
      { params: PARAMS, metrics: JSON.parse(text) },
      'NF_RESULT_METRICS',
      'of a name that JavaScript takes for something else',
    ]),
    ['a function as metric', { params: PARAMS, metrics: { a: () => 1 } }, 'NF_RESULT_METRICS', 'a function'],
    ['a big integer', { params: PARAMS, metrics: { a: 1n } }, 'NF_RESULT_METRICS', 'a bigint'],
    ['a date', { params: PARAMS, metrics: { a: new Date() } }, 'NF_RESULT_METRICS', 'a object'],
    ['a missing array', { params: { bias: float32([0]) } }, 'NF_TENSORS_NAMES', "missing 'weights'"],
    [
      'another shape',
      { params: { ...PARAMS, bias: float32([0, 0]) } },
      'NF_TENSORS_SHAPE',
      "'bias' is float32[2]",
    ],
    [
      'NaN',
      { params: { ...PARAMS, bias: float32([Number.NaN]) } },
      'NF_TENSORS_NOT_FINITE',
      "'bias' holds NaN",
    ],
    ['plain lists', { params: { bias: [0], weights: [1, 2] } }, 'NF_TENSORS_INVALID', "'bias'"],
  ])('is refused: %s', (_, sent, code, message) => {
    const error = refused(sent);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it('as a number that is none is a figure it cannot give, with the reason', () => {
    const task = session();
    const given = { auc: Number.NaN, deep: { b: [1, 1 / 0] }, undefined_because: { recall: 'no example' } };
    task.send({ params: PARAMS, metrics: given });
    expect(task.result?.metrics).toEqual({
      auc: null,
      deep: { b: [1, null] },
      undefined_because: { recall: 'no example', auc: 'NaN', 'deep.b[1]': 'Infinity' },
    });
  });

  it('that is refused does not end the task', () => {
    const task = session();
    expect(() => task.send({})).toThrow();
    expect(task.isRunning()).toBe(true);
  });

  it('as metrics in a circle is refused', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(refused({ params: PARAMS, metrics: circle }).code).not.toBe('none');
  });
});

describe('what a site keeps', () => {
  const roundTrip = (value: unknown) => {
    const first = session();
    first.saveState(value);
    first.send({ params: PARAMS });
    return session({ state: first.result?.state }).loadState();
  };

  it('is nothing in its first task', () => {
    expect(session().loadState()).toBeUndefined();
  });

  it.each([[5], ['x'], [null], [{ a: [1, new Map([[1, 2]])] }], [Float32Array.of(1, 2)], [undefined]])(
    'comes back in the next: %o',
    (value) => {
      expect(roundTrip(value)).toEqual(value);
    },
  );

  it('may be read again in the same task', () => {
    const task = session();
    task.saveState(1);
    task.saveState(2);
    expect(task.loadState()).toBe(2);
  });

  it('is what it was when it was saved', () => {
    const value = [1];
    const task = session();
    task.saveState(value);
    value.push(2);
    task.send({ params: PARAMS });
    expect(session({ state: task.result?.state }).loadState()).toEqual([1]);
  });

  it('cannot be saved after the result was sent', () => {
    const task = session();
    task.send({ params: PARAMS });
    expect(() => task.saveState(1)).toThrow(expect.objectContaining({ code: 'NF_SCRIPT_USE' }));
  });

  it('cannot be a function', () => {
    expect(() => session().saveState(() => 1)).toThrow();
  });
});
