import { describe, expect, it } from 'vitest';
import { runCli, runJson } from '../support/cli.ts';

const here = { cwd: process.cwd() };
const tiny = ['engine', 'bench', '--image-size', '16', '--batch-size', '4', '--seconds', '1'];

describe('neuroflare engine bench', () => {
  it('gives images per second with what computes them', async () => {
    const { code, answer } = await runJson([...tiny, '--engine', 'ort', '--threads', '2', '--quiet'], here);
    expect(code).toBe(0);
    const { engines } = answer.data as { engines: Record<string, unknown>[] };
    const measured = engines.filter(({ verdict }) => verdict === 'measured');
    expect(measured.length).toBeGreaterThan(0);
    for (const row of measured) {
      expect(row).toMatchObject({ name: 'ort', threads: 2, device: 'cpu' });
      expect(row.images_per_second).toBeGreaterThan(0);
    }
  });

  it('prints a table with the sizes above it', async () => {
    const { stdout, stderr } = await runCli([...tiny, '--engine', 'cpu'], here);
    expect(stdout).toContain('reference CNN, 16x16 pixels, batches of 4, Adam');
    expect(stdout).toMatch(
      /engine +build +images\/s +ms a step +steps +compile ms +threads +device +library/,
    );
    expect(stderr).toBe('training on cpu (javascript)\n');
  });

  it('exits with 1 where nothing was measured', async () => {
    const nowhere = { ...here, env: { NEUROFLARE_TENSORFLOW_DIR: '/nonexistent' } };
    const { code, stdout } = await runCli([...tiny, '--engine', 'tensorflow'], nowhere);
    expect(code).toBe(1);
    expect(stdout).toContain('absent');
  });
});

describe('neuroflare engine doctor', () => {
  it('trains on what is at hand and finds it well', async () => {
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
