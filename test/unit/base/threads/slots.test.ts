import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Slots } from '../../../../src/runtime/base/threads/slots.ts';

const never = new AbortController().signal;
/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('slots for tasks', () => {
  it('are taken at once while there are some', async () => {
    const slots = new Slots(2);
    await slots.take(never);
    await slots.take(never);
    expect(await isSettled(slots.take(never))).toBe(false);
  });

  it('go to whoever has waited longest', async () => {
    const slots = new Slots(1);
    const release = await slots.take(never);
    const order: string[] = [];
    const wait = async (name: string) => {
      const give = await slots.take(never);
      order.push(name);
      give();
    };
    const all = [wait('a'), wait('b'), wait('c')];
    release();
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('are given back once, however often it is said', async () => {
    const slots = new Slots(1);
    const release = await slots.take(never);
    release();
    release();
    await slots.take(never);
    expect(await isSettled(slots.take(never))).toBe(false);
  });

  it('are not waited for any longer by one who is stopped, and go to the next', async () => {
    const slots = new Slots(1);
    const release = await slots.take(never);
    const stop = new AbortController();
    const stopped = slots.take(stop.signal);
    const next = slots.take(never);
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
    expect(await isSettled(next)).toBe(false);
    release();
    expect(await isSettled(next)).toBe(true);
  });

  it('are not taken by one who was stopped before', async () => {
    const slots = new Slots(1);
    await expect(slots.take(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(await isSettled(slots.take(never))).toBe(true);
  });

  it('stay with one who is stopped when he has it', async () => {
    const slots = new Slots(1);
    const stop = new AbortController();
    const release = await slots.take(stop.signal);
    stop.abort();
    const next = slots.take(never);
    expect(await isSettled(next)).toBe(false);
    release();
    expect(await isSettled(next)).toBe(true);
  });

  it('are never more than there are, nor lost, whatever is taken, stopped and given back', async () => {
    const act = fc.constantFrom('take', 'stop', 'give');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(act, { maxLength: 40 }),
        async (count, acts) => {
          const slots = new Slots(count);
          const held: (() => void)[] = [];
          const waiting: AbortController[] = [];
          for (const one of acts) {
            if (one === 'give') held.shift()?.();
            if (one === 'stop') waiting.pop()?.abort();
            if (one === 'take') {
              const stop = new AbortController();
              waiting.push(stop);
              slots.take(stop.signal).then(
                (give) => {
                  waiting.splice(waiting.indexOf(stop), 1);
                  held.push(give);
                },
                () => undefined,
              );
            }
            await new Promise((resolve) => setImmediate(resolve));
            expect(held.length).toBeLessThanOrEqual(count);
            expect(waiting.length === 0 || held.length === count).toBe(true);
          }
          for (const stop of waiting) stop.abort();
          for (const give of held) give();
          for (let times = 0; times < count; times++) expect(await isSettled(slots.take(never))).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });
});
