import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../base/digest.ts';
import { putFile, writeFileAtomic } from '../base/files/files.ts';
import { PACKAGE_ROOT } from '../base/files/package-root.ts';
import { parseJson } from '../base/parse-json.ts';
import { jobJsonSchema } from './schema.ts';

/** What editors need beside a job: the same everywhere, save for one file that says where neuroflare is on this machine. */

const FOLDER = '.neuroflare';
/** Not for a repository: git leaves it out. */
const HERE = 'tsconfig.json';

const TSCONFIG = {
  extends: `./${FOLDER}/${HERE}`,
  compilerOptions: {
    target: 'es2024',
    // Console and timers come from lib dom.
    lib: ['es2024', 'dom'],
    types: [],
    module: 'esnext',
    moduleResolution: 'bundler',
    moduleDetection: 'force',
    strict: true,
    noEmit: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  },
};

const ownSchema = z.looseObject({ extends: z.literal(TSCONFIG.extends) });

export async function writeEditorFiles(folder: string): Promise<void> {
  await putFile(join(folder, 'tsconfig.json'), prettyJson(TSCONFIG));
  await writeFileAtomic(join(folder, FOLDER, 'job.schema.json'), prettyJson(jobJsonSchema()));
  await putFile(join(folder, FOLDER, '.gitignore'), `${HERE}\n`);
  await putFile(join(folder, FOLDER, HERE), typesHere());
}

/** A job that came from another machine finds neuroflare's types here, too; a folder that cannot be written stays as it is. */
export async function renewEditorFiles(folder: string): Promise<void> {
  const own = await readFile(join(folder, 'tsconfig.json'), 'utf8').catch(() => '');
  if (!ownSchema.safeParse(parseJson(own)).success) return;
  // The folder may be of somebody else's making: a link there leads to a file that is none of the job's.
  const place = await lstat(join(folder, FOLDER)).catch(() => undefined);
  if (place && !place.isDirectory()) return;
  const path = join(folder, FOLDER, HERE);
  if ((await readFile(path, 'utf8').catch(() => '')) === typesHere()) return;
  await writeFileAtomic(path, typesHere()).catch(() => undefined);
}

/** Types of the Client API and of TensorFlow.js, wherever they are installed. */
function typesHere(): string {
  const paths = {
    'neuroflare/*': [join(PACKAGE_ROOT, 'dist/api/*.d.ts')],
    '@tensorflow/tfjs': [join(PACKAGE_ROOT, 'dist/runtime/learning/engine/tfjs-union.d.ts')],
  };
  return prettyJson({ compilerOptions: { paths } });
}
