import { flError, type NeuroflareError } from '../../base/errors/errors.ts';

export function auditFault(run: string, reason: string, advice: string): NeuroflareError {
  return flError('NF_PRIVACY_AUDIT', { run, reason, advice });
}
