import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const json = (...words: string[]) => runJson(words, { cwd: root });

/** Sites that send back what they got: the final model is the first one. */
const SCRIPT = `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  await flare.send(flare.isEvaluate() ? { metrics: { accuracy: 1 } } : { params, metrics: { accuracy: 1 } });
}
`;

function jobFile(
  seed: number,
  model = '{ type: mri-cnn, image_size: 16, num_classes: 3, width: 8 }',
): string {
  return `version: 1
name: still
workflow: { type: fedavg, n_clients: 1, num_rounds: 1 }
executor: { type: script, train_script: client.ts, framework: tfjs }
model: ${model}
seed: ${seed}
`;
}

async function writeJobFolder(name: string, text: string): Promise<void> {
  await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, name, 'job.yaml'), text);
  await writeFile(join(root, name, 'client.ts'), SCRIPT);
}

const finalOf = (workspace: string) => readFile(join(root, workspace, 'still/latest/model.safetensors'));

beforeAll(async () => {
  await writeJobFolder('still', jobFile(1));
  await writeJobFolder('other-seed', jobFile(2));
  await writeJobFolder(
    'other-size',
    jobFile(2, '{ type: mri-cnn, image_size: 16, num_classes: 4, width: 8 }'),
  );
  await writeJobFolder('arrays', jobFile(1, '{ initial_params: { w: { data: [1, 2] } } }'));
  for (const job of ['still', 'arrays']) {
    const { code, stderr } = await runCli(['simulate', job, '--workspace', `${job}-work`], { cwd: root });
    expect(stderr).not.toContain('NF_');
    expect(code).toBe(0);
  }
});

describe('export, and simulate --import', () => {
  it.each([
    ['onnx', 'still-final.onnx'],
    ['safetensors', 'still-final.safetensors'],
    ['tfjs', 'still-final-tfjs'],
  ])('takes a model out as %s and in again, bit by bit', async (format, name) => {
    const { answer } = await json('export', 'still', '--workspace', 'still-work', '--format', format);
    expect(answer).toMatchObject({ exit_code: 0, data: { format, notes: expect.any(Array) } });
    for (const file of (answer.data as { files: string[] }).files)
      expect(existsSync(join(root, file))).toBe(true);
    const from = ['--import', name, '--workspace', `from-${format}`];
    expect((await json('simulate', 'other-seed', ...from)).answer).toMatchObject({ exit_code: 0 });
    expect(await finalOf(`from-${format}`)).toEqual(await finalOf('still-work'));
  });

  it('exports parameters from a file for the model of a job folder', async () => {
    const params = 'still-work/still/latest/models/round-0000.safetensors';
    const words = ['export', 'still', '--params', params, '--format', 'onnx', '--out', 'first.onnx'];
    const { code, stdout } = await runCli(words, { cwd: root });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^still-work.* written to\n {2}first\.onnx\n\nInput: grey/),
    ]);
  });

  it.each([
    [['still', '--format', 'onnx', '-w', 'still-work', '--model', '7'], 'NF_EXPORT_NONE'],
    [['still', '--format', 'onnx', '-w', 'still-work', '--model', 'newest'], 'NF_USAGE'],
    [['stil', '--format', 'onnx', '-w', 'still-work'], 'NF_RUN_TARGET'],
    [['still', '-w', 'still-work'], 'NF_USAGE'],
    [['still', '--format', 'json', '-w', 'still-work'], 'NF_USAGE'],
    [['still', '--format', 'onnx', '-w', 'still-work', '--out', 'still/job.yaml'], 'NF_EXPORT_EXISTS'],
    [['still', '--format', 'onnx', '-w', 'arrays-work'], 'NF_EXPORT_MODEL'],
    [['still', '--format', 'tfjs', '--params', 'nothing.safetensors'], 'NF_PATH_MISSING'],
  ])('refuses %j', async (words, code) => {
    const { answer } = await json('export', ...words);
    expect(answer).toMatchObject({ exit_code: 4, error_code: code });
  });

  it('refuses a model that does not fit, before anything starts', async () => {
    await runCli(['export', 'still', '-w', 'still-work', '--format', 'onnx', '--out', 'three.onnx'], {
      cwd: root,
    });
    const { answer } = await json('simulate', 'other-size', '--import', 'three.onnx', '--workspace', 'none');
    expect(answer).toMatchObject({ exit_code: 4, error_code: 'NF_IMPORT_FILE' });
    expect(existsSync(join(root, 'none'))).toBe(false);
  });
});
