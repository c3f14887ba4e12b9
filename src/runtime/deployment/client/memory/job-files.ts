import { NeuroflareError } from '../../../base/errors/errors.ts';
import { readBundle } from '../../../job/bundle.ts';
import { refusedType } from '../../../job/file-type.ts';

/** A file of a job, as somebody should know it before it runs. */
export interface JobFileShown {
  readonly path: string;
  /** What it is, by its first bytes, else by its name. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
}

/** First bytes, in hex. Sources: the formats' specifications, and `file(1)`. */
const BY_FIRST_BYTES: readonly (readonly [type: string, hex: RegExp])[] = [
  ['image (PNG)', /^89504e47/],
  ['image (JPEG)', /^ffd8ff/],
  ['database (SQLite)', /^53514c69746520666f726d61742033/],
];

const BY_NAME: Readonly<Record<string, string>> = {
  ts: 'TypeScript',
  mts: 'TypeScript',
  cts: 'TypeScript',
  js: 'JavaScript',
  mjs: 'JavaScript',
  cjs: 'JavaScript',
  json: 'JSON',
  yaml: 'YAML',
  yml: 'YAML',
  safetensors: 'safetensors',
  onnx: 'ONNX',
};

/** A name promises text that its bytes must be. */
const TEXT = new Set(['TypeScript', 'JavaScript', 'JSON', 'YAML']);

export function typeOf(path: string, bytes: Uint8Array): string {
  const refused = refusedType(path, bytes);
  if (refused !== undefined) return refused;
  const first = Buffer.from(bytes.subarray(0, 16)).toString('hex');
  const found = BY_FIRST_BYTES.find(([, hex]) => hex.test(first));
  if (found) return found[0];
  const ending = path.includes('.') ? path.slice(path.lastIndexOf('.') + 1).toLowerCase() : '';
  const named = Object.hasOwn(BY_NAME, ending) ? BY_NAME[ending] : undefined;
  const isText = looksLikeText(bytes);
  if (named !== undefined && (isText || !TEXT.has(named))) return named;
  return isText ? 'text' : 'binary';
}

function looksLikeText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The files in a folder of a job and the digest of its code, worked out anew; undefined while they are not all there. */
export async function readJobFiles(
  folder: string,
): Promise<{ readonly codeSha256: string; readonly files: readonly JobFileShown[] } | undefined> {
  try {
    const { files, codeSha256 } = await readBundle(folder);
    return {
      codeSha256,
      files: files.map(({ path, bytes }) => ({ path, type: typeOf(path, bytes), size: bytes.length })),
    };
  } catch (error) {
    const isNotThere = (error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof NeuroflareError;
    if (isNotThere) return undefined;
    throw error;
  }
}
