import { describe, expect, it } from 'vitest';
import { runCli, runJson } from '../support/cli.ts';

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

  it('doctor trains on what is at hand and finds it well', async () => {
    const { code, answer, stderr } = await runJson(['engine', 'doctor'], here);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(answer.data).toMatchObject({ healthy: true });
    const { engines } = answer.data as { engines: { verdict: string }[] };
    expect(engines.map(({ verdict }) => verdict)).not.toContain('wrong');
  });

  it('prints tables for people', async () => {
    const { stdout } = await runCli(['engine', 'doctor'], here);
    expect(stdout).toContain('* taken by --engine auto: it works');
  });
});
