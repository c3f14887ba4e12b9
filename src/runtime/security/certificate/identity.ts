import type { X509Certificate } from 'node:crypto';
import { flError } from '../../base/errors/errors.ts';
import { ADMIN_ROLES, type AdminRole, type Participant, type ParticipantType } from '../project/schema.ts';

/**
 * Who a certificate speaks for. It stands in the subject, one value each: CN is the participant's name, O its
 * organisation, OU `server`, `client` or the role of an admin. The authority writes the subject itself, from the project;
 * nothing of it is taken from a request.
 */
export interface Identity {
  readonly name: string;
  readonly org: string;
  readonly type: ParticipantType;
  /** Of admins. */
  readonly role?: AdminRole;
}

export type Subject = { CN: string; O: string; OU: string };

export function subjectOf(participant: Participant): Subject {
  const { name, org, type } = participant;
  return { CN: name, O: org, OU: type === 'admin' ? participant.role : type };
}

/** Of a certificate whose chain was checked. @throws NF_CERT_IDENTITY */
export function identityOf(certificate: X509Certificate): Identity {
  return identityOfSubject(certificate.toLegacyObject().subject);
}

/** Of the subject Node gives for a peer: `socket.getPeerCertificate().subject`. @throws NF_CERT_IDENTITY */
export function identityOfSubject(subject: unknown): Identity {
  const fields = (subject ?? {}) as Record<string, unknown>;
  const value = (key: keyof Subject): string => {
    const found = fields[key];
    if (typeof found === 'string' && found !== '') return found;
    throw flError('NF_CERT_IDENTITY', { reason: `its subject has not one ${key}` });
  };
  const [name, org, unit] = [value('CN'), value('O'), value('OU')];
  if (unit === 'server' || unit === 'client') return { name, org, type: unit };
  const role = ADMIN_ROLES.find((known) => known === unit);
  if (role) return { name, org, type: 'admin', role };
  throw flError('NF_CERT_IDENTITY', { reason: `'${unit}' is no role` });
}
