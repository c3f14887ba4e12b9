import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/runtime/server/turns.ts';

const limit = (most: number) => ({ most, unit: 'things', what: 'things of a kind' });

describe('turns', () => {
  it('are few of one participant, and few of all together', () => {
    const turns = new Turns({ each: limit(2), all: limit(3) });
    for (const name of ['a', 'a', 'b']) turns.enter(name).hold();
    expect(() => turns.enter('a')).toThrow(expect.objectContaining({ code: 'NF_AT_ONCE' }));
    expect(() => turns.enter('c')).toThrow(/3 of these from everybody together/);
  });

  it('are free once all who held one let it go, however often they say so', () => {
    const turns = new Turns({ each: limit(1), all: limit(9) });
    const turn = turns.enter('a');
    const [first, second] = [turn.hold(), turn.hold()];
    first();
    first();
    expect(() => turns.enter('a')).toThrow(/1 of these from a/);
    second();
    second();
    turns.enter('a').hold()();
    turns.enter('a').hold();
    expect(() => turns.enter('a')).toThrow(/1 of these from a/);
  });

  it('end with the work that is done in them, also where it fails', async () => {
    const turns = new Turns({ each: limit(1), all: limit(1) });
    await expect(turns.during('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await turns.during('a', async () => 'done')).toBe('done');
  });
});
