import type { ErrorCode } from '../../../base/errors/catalog.ts';
import type { NeuroflareError } from '../../../base/errors/errors.ts';

const OF_THE_MACHINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NF_DISK_FULL',
  'NF_STORE_DISK',
  'NF_PATH_DENIED',
  'NF_FILES_OPEN',
  'NF_MEMORY_FULL',
]);

/**
 * Whether this server's machine failed, not a job: what it was about is done again until somebody has mended it. Of errors that happened
 * in this process only: what a site reports goes by another code.
 */
export function isOfTheMachine({ code }: NeuroflareError): boolean {
  return OF_THE_MACHINE.has(code);
}
