import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';

const USUAL = process.platform === 'win32' ? 'python.exe' : 'python3';

/** The interpreter of this machine's user, for simulations: NEUROFLARE_PYTHON, else the one on the PATH. @throws NF_PYTHON_MISSING */
export function ownInterpreter(): string {
  const { NEUROFLARE_PYTHON: wish, PATH = '' } = process.env;
  const interpreter = wish || USUAL;
  const folders =
    isAbsolute(interpreter) || /[\\/]/.test(interpreter) ? [''] : PATH.split(delimiter).filter(Boolean);
  for (const folder of folders) {
    const path = join(folder, interpreter);
    if (isProgram(path)) return path;
  }
  const reason = folders.length > 1 ? 'is not on the PATH' : 'is no program that this user may run';
  throw flError('NF_PYTHON_MISSING', { interpreter, reason });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
