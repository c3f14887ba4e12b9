import type { Study } from '../runtime/network/messages/admin.ts';
import { renderTable } from './table.ts';

export function renderStudy({ name, open, sites, users }: Study): string {
  const people = Object.entries(users).map(([user, role]) => `${user} (${role})`);
  if (open) people.push(`everybody${people.length > 0 ? ' else' : ''}, with the role in the certificate`);
  return [
    `study  ${name}`,
    `sites  ${sites === null ? 'all' : sites.join(', ') || 'none yet'}`,
    `users  ${people.join(', ') || "none yet: only the project's admins see it"}`,
  ].join('\n');
}

export function renderStudies(studies: readonly Study[]): string {
  const rows = studies.map(({ name, open, sites, users }) => [
    name,
    sites === null ? 'all' : String(sites.length),
    open ? 'everybody' : String(Object.keys(users).length),
  ]);
  return renderTable(['study', 'sites', 'users'], rows);
}
