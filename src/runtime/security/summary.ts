import { z } from 'zod';
import { shellWord } from '../base/text/shell-word.ts';
import type { Issued } from './authority/ledger.ts';
import { isoDay } from './certificate/iso-day.ts';
import type { RegisteredKit } from './kit-registry.ts';
import { expiryWarning } from './kit-registry.ts';

/** What the commands answer: shapes of the JSON envelope's `data`. */

export const issuedSchema = z.object({
  name: z.string(),
  type: z.enum(['server', 'client', 'admin']),
  org: z.string(),
  role: z.string().optional().describe('of admins'),
  expires: z.iso.datetime(),
  path: z.string().optional().describe('the kit'),
});

export function issuedSummary({ participant, expires, path }: Issued & { path?: string | undefined }) {
  const { name, type, org } = participant;
  const role = participant.type === 'admin' ? { role: participant.role } : {};
  return { name, type, org, ...role, expires: expires.toISOString(), ...(path !== undefined && { path }) };
}

export const kitSchema = z.object({
  id: z.string().optional(),
  active: z.boolean(),
  path: z.string(),
  project: z.string().optional(),
  name: z.string().optional(),
  type: z.string().optional(),
  org: z.string().optional(),
  role: z.string().optional().describe('of admins'),
  server: z.string().optional().describe('host:port the server is reached at'),
  root_fingerprint: z.string().optional().describe("SHA-256 of the authority's certificate"),
  expires: z.iso.datetime().optional(),
  days_left: z.int().optional(),
  warnings: z.array(z.string()),
  faults: z.array(z.object({ file: z.string(), problem: z.string(), message: z.string(), mend: z.string() })),
});
export type KitSummary = z.output<typeof kitSchema>;

export function kitSummary({ id, active, path, report, problem }: RegisteredKit): KitSummary {
  const base = { ...(id !== undefined && { id }), active, path };
  if (!report) {
    const mend = id === undefined ? '' : `neuroflare config remove ${shellWord(id)}`;
    const fault = { file: path, problem: 'missing', message: problem ?? 'it is no kit', mend };
    return { ...base, warnings: [], faults: [fault] };
  }
  const { identity, endpoint, expires, daysLeft, rootFingerprint } = report;
  const address = endpoint?.type === 'server' ? endpoint.advertised : endpoint?.server;
  const warning = expiryWarning(report);
  return {
    ...base,
    project: report.project,
    ...identity,
    ...(address && { server: `${address.host}:${address.port}` }),
    ...(rootFingerprint !== undefined && { root_fingerprint: rootFingerprint }),
    ...(expires && { expires: expires.toISOString() }),
    ...(daysLeft !== undefined && { days_left: daysLeft }),
    warnings: warning === undefined ? [] : [warning],
    faults: [...report.faults],
  };
}

/** Columns of `config list`. */
export function kitRow({
  id,
  active,
  name,
  role,
  type,
  project,
  expires,
  faults,
  warnings,
}: KitSummary): string[] {
  const state = faults.length > 0 ? 'faulty' : warnings.length > 0 ? 'ends soon' : 'ok';
  return [
    active ? '*' : '',
    id ?? '',
    name ?? '',
    role ?? type ?? '',
    project ?? '',
    expires === undefined ? '' : isoDay(new Date(expires)),
    state,
  ];
}
