import { describe, expect, it } from 'vitest';
import { AbortGate } from '../../../../../src/runtime/deployment/server/jobs/abort-gate.ts';

const noted = () => {
  const notes: PromiseWithResolvers<void>[] = [];
  const note = () => {
    const one = Promise.withResolvers<void>();
    notes.push(one);
    return one.promise;
  };
  return { notes, note };
};

describe('an abort and an end that meet', () => {
  it('are an abort, if it was on its way first: it is noted before the end goes on, once for all who abort', async () => {
    const gate = new AbortGate();
    const { notes, note } = noted();
    const order: string[] = [];
    const aborts = [gate.enter(note), gate.enter(note)].map((one) =>
      one.then((inTime) => order.push(`abort ${inTime}`)),
    );
    const end = gate.shut().then(() => order.push(`end ${gate.isIn}`));
    notes[0]?.resolve();
    await Promise.all([...aborts, end]);
    expect(order.at(-1)).toBe('end true');
    expect(notes).toHaveLength(1);
  });

  it('are an end, if it began first: nothing is noted', async () => {
    const gate = new AbortGate();
    const { notes, note } = noted();
    const end = gate.shut();
    const abort = gate.enter(note);
    await end;
    expect([await abort, gate.isIn, notes.length]).toEqual([false, false, 0]);
    gate.open();
    const later = gate.enter(note);
    notes[0]?.resolve();
    expect([await later, gate.isIn]).toEqual([true, true]);
  });

  it('are an end, if the abort could not be noted: who aborts is told why', async () => {
    const gate = new AbortGate();
    const { notes, note } = noted();
    const abort = gate.enter(note);
    const end = gate.shut();
    notes[0]?.reject(new Error('no space'));
    await expect(abort).rejects.toThrow('no space');
    await end;
    expect(gate.isIn).toBe(false);
  });
});
