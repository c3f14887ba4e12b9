import { z } from 'zod';
import { LOADER_URL, type TensorflowBinding } from '../eager/tensorflow-engine.ts';
import { TENSORFLOW_DIR } from '../eager/tensorflow-package.ts';
import { runProcess } from './run-process.ts';

const answerSchema = z.union([
  z.object({
    binding: z.object({
      library: z.string(),
      version: z.string(),
      tensorflow: z.string(),
      device: z.enum(['cpu', 'gpu']),
    }),
  }),
  z.object({ reason: z.string() }),
]);
type Answer = { readonly binding: TensorflowBinding } | { readonly reason: string };

const MARK = 'loaded: ';
const SCRIPT = `
const { loadTensorflow } = await import(process.argv[1]);
const answer = await loadTensorflow().then((binding) => ({ binding }), ({ message }) => ({ reason: message }));
console.log(${JSON.stringify(MARK)} + JSON.stringify(answer));
`;

/**
 * Loads a package's binding as the engine does, in a process of its own: a native library can end the process that
 * loads it, and stays in it.
 */
export async function checkBinding(folder: string, signal: AbortSignal): Promise<Answer> {
  const args = ['--input-type=module', '--eval', SCRIPT, LOADER_URL];
  const { stdout, output } = await runProcess(process.execPath, args, {
    env: { [TENSORFLOW_DIR]: folder },
    signal,
  });
  const line = stdout.split('\n').find((text) => text.startsWith(MARK));
  if (line === undefined) return { reason: `its process ended: ${output.trim().split('\n').at(-1)}` };
  return answerSchema.parse(JSON.parse(line.slice(MARK.length)));
}
