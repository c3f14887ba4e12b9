import { describe, expect, it } from 'vitest';
import { flError } from '../../../src/runtime/base/errors/errors.ts';
import { scriptFailure } from '../../../src/runtime/site/script/script-error.ts';

const CODE = { bundle: '/job', source: '/job' };
const WHERE = { site: 'site-1', round: 2 };
const failed = (thrown: unknown) => scriptFailure(thrown, CODE, WHERE);

function withPart(key: string, part: PropertyDescriptor): Error {
  return Object.defineProperty(new Error('what went wrong'), key, part);
}
const THROWS = {
  get: () => {
    throw new Error('asked');
  },
};
const refuses = () => {
  throw new Error('asked');
};
const PROXY = new Proxy(new Error('x'), {
  get: refuses,
  getPrototypeOf: refuses,
  ownKeys: refuses,
  has: refuses,
});

/** An error of neuroflare that a script has caught and changed. */
const changed = (changes: object) =>
  Object.assign(flError('NF_SCRIPT_NO_RESULT', {}, { place: { file: '/data/x.tsv', line: 2 } }), changes);

describe("what a script throws is the script's fault", () => {
  it.each([
    ['an error whose stack throws', withPart('stack', THROWS), 'what went wrong'],
    ['an error whose stack is a number', withPart('stack', { value: 3 }), 'what went wrong'],
    ['an error whose message throws', withPart('message', THROWS), ''],
    ['an error whose message is an object', withPart('message', { value: { a: 1 } }), '{ a: 1 }'],
    ['an error whose name is a symbol', withPart('name', { value: Symbol('x') }), 'what went wrong'],
    ['an error whose code throws', withPart('code', THROWS), 'what went wrong'],
    ['a text', 'went wrong', 'went wrong'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an object without a prototype', Object.create(null), ''],
    ['a proxy that answers nothing', PROXY, 'cannot be read'],
  ])('%s', (_, thrown, message) => {
    expect(failed(thrown)).toMatchObject({
      code: 'NF_SCRIPT_FAILED',
      message: expect.stringContaining(message),
      place: WHERE,
    });
  });

  it.each([
    [
      'that says what is no text',
      { report: () => ({ code: 3, message: () => 1, hint: '', exitCode: 1 }) },
      {},
    ],
    ['whose message is an object', { message: { a: 1 } }, {}],
    ['that says nothing', { report: () => undefined }, {}],
    ['that is at an odd place', { place: { file: () => 1, line: {} } }, { code: 'NF_SCRIPT_NO_RESULT' }],
  ])('an error of neuroflare %s', (_, changes, said) => {
    const report = failed(changed(changes));
    expect(report).toMatchObject({ code: 'NF_SCRIPT_FAILED', ...said });
    // It goes from thread to thread.
    expect(structuredClone(report)).toEqual(report);
  });

  it('an error of neuroflare as it is says where it is', () => {
    expect(failed(changed({}))).toMatchObject({
      code: 'NF_SCRIPT_NO_RESULT',
      place: { ...WHERE, file: '/data/x.tsv', line: 2 },
    });
  });

  it('where the script has changed how stacks are made', () => {
    const before = Error.prepareStackTrace;
    try {
      Error.prepareStackTrace = () => 3;
      expect(failed(new TypeError('odd'))).toMatchObject({ code: 'NF_SCRIPT_FAILED', place: WHERE });
      Error.prepareStackTrace = refuses;
      const error = new RangeError('odd');
      expect(failed(error)).toMatchObject({ code: 'NF_SCRIPT_FAILED', place: WHERE });
    } finally {
      Error.prepareStackTrace = before;
    }
  });
});
