import type { Study } from '../runtime/wire/admin.ts';
import { renderTable } from './table.ts';

export function renderStudy({ name, sites, users }: Study): string {
  const people = Object.entries(users).map(([user, role]) => `${user} (${role})`);
  return [
    `study  ${name}`,
    `sites  ${sites === null ? 'all' : sites.join(', ') || 'none yet'}`,
    `users  ${people.join(', ') || 'everybody, with the role in the certificate'}`,
  ].join('\n');
}

export function renderStudies(studies: readonly Study[]): string {
  const rows = studies.map(({ name, sites, users }) => [
    name,
    sites === null ? 'all' : String(sites.length),
    Object.keys(users).length === 0 ? 'everybody' : String(Object.keys(users).length),
  ]);
  return renderTable(['study', 'sites', 'users'], rows);
}
