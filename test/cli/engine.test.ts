import { describe, expect, it } from 'vitest';
import { runJson } from '../support/one-process.ts';

const here = { cwd: process.cwd() };

describe('neuroflare engine', () => {
  it('list names every engine and marks the automatic choice', async () => {
    const { code, answer, stderr } = await runJson(['engine', 'list'], here);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const engines = answer.data as { name: string; auto: boolean; available: boolean }[];
    expect(engines.map(({ name }) => name)).toEqual(['ort', 'ort', 'tensorflow', 'cpu']);
    expect(engines.filter(({ auto, available }) => auto && available)).toHaveLength(1);
  });
});
