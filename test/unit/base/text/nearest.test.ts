import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../../../src/runtime/base/text/nearest.ts';

const WORDS = ['num_rounds', 'n_clients', 'key_metric', 'type'];

describe('the nearest word', () => {
  it.each([
    ['num_round', 'num_rounds'],
    ['NUM_ROUNDS', 'num_rounds'],
    ['n_client', 'n_clients'],
    ['key-metric', 'key_metric'],
    ['tpye', 'type'],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, WORDS)).toBe(expected);
  });

  it.each(['learning_rate', 'x', ''])('is not guessed for %j, which is far from all', (word) => {
    expect(nearest(word, WORDS.slice(0, 3))).toBeUndefined();
  });

  it('is none where there are no words', () => {
    expect(nearest('a', [])).toBeUndefined();
  });

  it('is the first of equals', () => {
    expect(nearest('ab', ['aa', 'ac'])).toBe('aa');
  });

  it('is said as a question, or not at all', () => {
    expect(didYouMean('tpye', WORDS)).toBe(" Did you mean 'type'?");
    expect(didYouMean('unlike anything', WORDS)).toBe('');
  });
});
