import { fileURLToPath, pathToFileURL } from 'node:url';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { isRequiringOwn } from '../../base/threads/require-own.ts';

const OWN = ['src', 'dist'].map((folder) => pathToFileURL(`${PACKAGE_ROOT}${folder}/`).href);
/** Of Node.js's permission model; undefined where scripts are not kept from files. */
const { permission } = process as { permission?: { has(scope: string, path: string): boolean } };
const mayRead = permission?.has.bind(permission, 'fs.read');

interface Asked {
  readonly parentURL?: string | undefined;
  readonly conditions?: readonly string[] | undefined;
}

/**
 * Neuroflare's own modules import each other and are never required: whoever requires one, or imports it from elsewhere, is a script that
 * wants what runs it.
 * @throws NF_SCRIPT_LOAD
 */
export function requireOthers(url: string, { parentURL, conditions }: Asked): void {
  if (isRequiringOwn() || !isOwnCode(url)) return;
  const isRequired = conditions?.includes('require') ?? false;
  if (!isRequired && (parentURL === undefined || isOwnCode(parentURL))) return;
  throw flError('NF_SCRIPT_LOAD', { message: "the modules of neuroflare itself are not the job's" });
}

/** What a script may not read is not looked for: whether it is there would be told. @throws NF_SCRIPT_LOAD */
export function requireReadable(specifier: string, parent: string | undefined): void {
  if (!mayRead || parent === undefined || !/^(\.{0,2}\/|file:)/.test(specifier)) return;
  const url = URL.parse(specifier, parent);
  if (url?.protocol !== 'file:' || mayRead(fileURLToPath(url))) return;
  throw flError('NF_SCRIPT_LOAD', { message: `'${specifier}' is no file that the job may read` });
}

/** Whether code of somebody else may not bear this name: it would import as the module of neuroflare that has it. */
export function isTakenName(name: string): boolean {
  return !isRequiringOwn() && isOwnCode(name);
}

/** Whether a URL, or a path, is that of a module of neuroflare itself. */
function isOwnCode(url: string): boolean {
  const href = url.startsWith('file:') ? url : pathToFileURL(url).href;
  return OWN.some((folder) => href.startsWith(folder));
}
