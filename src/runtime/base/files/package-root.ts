import { fileURLToPath } from 'node:url';

/** Folder of the package neuroflare, with a separator at its end. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
