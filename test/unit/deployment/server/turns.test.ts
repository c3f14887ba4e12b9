import { describe, expect, it } from 'vitest';
import { Lines, Turns } from '../../../../src/runtime/deployment/server/turns.ts';

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

describe('lines', () => {
  const lines = () => new Lines({ atOnce: limit(1), waiting: limit(2) });
  const soon = () => new Promise((resolve) => setImmediate(resolve));

  it('go on in the order they came, each name by itself, and no longer than they may be', async () => {
    const line = lines();
    const began: string[] = [];
    const first = await line.enter('a');
    for (const one of ['second', 'third'])
      void line.enter('a').then((done) => {
        began.push(one);
        setImmediate(done);
      });
    await soon();
    expect(began).toEqual([]);
    await expect(line.enter('a')).rejects.toMatchObject({ code: 'NF_AT_ONCE' });
    (await line.enter('b'))();
    first();
    first();
    await soon();
    await soon();
    await soon();
    expect(began).toEqual(['second', 'third']);
    (await line.enter('a'))();
  });

  it('lose who goes away, and who fails', async () => {
    const line = lines();
    const gone = new AbortController();
    const first = await line.enter('a');
    const left = line.enter('a', gone.signal);
    const next = line.during('a', () => Promise.reject(new Error('no')));
    gone.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    first();
    await expect(next).rejects.toThrow('no');
    expect(await line.during('a', async () => 'done')).toBe('done');
  });
});
