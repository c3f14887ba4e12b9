import { describe, expect, it } from 'vitest';
import { whileOpen } from '../../../../src/runtime/base/files/while-open.ts';

describe('work that opens one thing after another', () => {
  const closed: string[] = [];
  const thing = (name: string) => async () => {
    await new Promise((go) => setImmediate(go));
    closed.push(name);
  };
  const broken = (name: string) => () => {
    closed.push(name);
    throw new Error(name);
  };
  const closing = async (work: Parameters<typeof whileOpen>[0]) => {
    closed.length = 0;
    const end = await whileOpen(work).catch((error: Error) => error.message);
    return [end, ...closed];
  };

  it('closes them in reverse when it is done, and when it fails half-way', async () => {
    expect(
      await closing(async ({ closeLast }) => {
        closeLast(thing('a'));
        closeLast(thing('b'));
        return 1;
      }),
    ).toEqual([1, 'b', 'a']);
    expect(
      await closing(async ({ closeLast }) => {
        closeLast(thing('a'));
        closeLast(thing('b'));
        throw new Error('half-way');
      }),
    ).toEqual(['half-way', 'b', 'a']);
  });

  it('closes all of them whatever one of them throws, which is told unless the work has failed before', async () => {
    const open = ({ closeLast }: { closeLast: (close: () => unknown) => void }) => {
      closeLast(thing('a'));
      closeLast(broken('b'));
      closeLast(broken('c'));
    };
    expect(await closing(async (opened) => open(opened))).toEqual(['c', 'c', 'b', 'a']);
    expect(
      await closing(async (opened) => {
        open(opened);
        throw new Error('work');
      }),
    ).toEqual(['work', 'c', 'b', 'a']);
  });
});
