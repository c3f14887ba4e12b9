import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { flError } from '../../base/errors/errors.ts';
import { readInputText } from '../../base/files/read-file.ts';
import type { Identity } from '../certificate/identity.ts';
import type { ParticipantType } from '../project/schema.ts';
import type { Endpoint } from './endpoint.ts';
import { kitFiles, REVOKED_FILE } from './layout.ts';
import { type KitReport, type VerifyOptions, verifyKit } from './verify.ts';

/** A verified kit, ready for `node:tls`, `node:https`, Fastify and undici. */
export interface OpenKit<Type extends ParticipantType = ParticipantType> {
  readonly dir: string;
  readonly project: string;
  readonly identity: Identity;
  readonly endpoint: Extract<Endpoint, { type: Type }>;
  readonly rootFingerprint: string;
  readonly expires: Date;
  readonly daysLeft: number;
  readonly tls: KitTls;
}

/** Mutual TLS 1.3: each end shows its certificate and takes none but the project's. */
export interface KitTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Of a server, once somebody was revoked. */
  readonly crl?: string;
  readonly minVersion: 'TLSv1.3';
  readonly requestCert: true;
  readonly rejectUnauthorized: true;
}

/** Verifies a kit and reads it. @throws NF_KIT_NOT_FOUND, NF_KIT_FAULTY with every fault, NF_KIT_TYPE */
export async function openKit<Type extends ParticipantType>(
  dir: string,
  type: Type,
  options: VerifyOptions = {},
): Promise<OpenKit<Type>> {
  return openVerified(dir, type, await verifyKit(dir, options));
}

async function openVerified<Type extends ParticipantType>(
  dir: string,
  type: Type,
  report: KitReport,
): Promise<OpenKit<Type>> {
  const { identity, endpoint, rootFingerprint, expires, daysLeft } = report;
  const [first] = report.faults;
  if (first || !identity || !endpoint || !rootFingerprint || !expires || daysLeft === undefined) {
    const faults = report.faults.map(({ message }) => message).join('; ');
    const mends = [...new Set(report.faults.map(({ mend }) => mend))].join('; ');
    const place = { file: join(dir, first?.file ?? 'startup') };
    throw flError('NF_KIT_FAULTY', { faults: `${faults || 'it is not complete'}.`, mend: mends }, { place });
  }
  if (!isOf(endpoint, type)) throw otherType(dir, endpoint.type, type);
  const paths = kitFiles(type);
  const [ca, cert, key] = await Promise.all(
    [paths.root, paths.certificate, paths.key].map((path) => readInputText(join(dir, path))),
  );
  const { project } = report;
  const secure = { minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: true } as const;
  const revoked = type === 'server' ? await readRevoked(dir) : {};
  const tls = { ca: ca ?? '', cert: cert ?? '', key: key ?? '', ...revoked, ...secure };
  return { dir, project, identity, endpoint, rootFingerprint, expires, daysLeft, tls };
}

/** As `openKit`, whosever it is. */
export async function openAnyKit(dir: string): Promise<OpenKit> {
  const report = await verifyKit(dir);
  return openVerified(dir, report.endpoint?.type ?? 'admin', report);
}

/** Whether a folder is a kit of this type, though it may have ended or been changed. @throws NF_KIT_NOT_FOUND, NF_KIT_TYPE */
export async function requireKitOf(dir: string, type: ParticipantType): Promise<void> {
  const { endpoint } = await verifyKit(dir);
  if (endpoint && endpoint.type !== type) throw otherType(dir, endpoint.type, type);
}

function otherType(dir: string, found: ParticipantType, type: ParticipantType) {
  const article = found === 'admin' ? 'an' : 'a';
  const wanted = type === 'admin' ? "an admin's" : `a ${type}'s`;
  return flError('NF_KIT_TYPE', { path: dir, article, found, wanted }, { place: { file: dir } });
}

function isOf<Type extends ParticipantType>(
  endpoint: Endpoint,
  type: Type,
): endpoint is Extract<Endpoint, { type: Type }> {
  return endpoint.type === type;
}

/** The list of revoked certificates. One that cannot be read is refused: without it the revoked would be let in. */
async function readRevoked(dir: string): Promise<{ crl?: string }> {
  const path = join(dir, REVOKED_FILE);
  try {
    const crl = await readInputText(path);
    createSecureContext({ crl });
    return { crl };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    const mend = `Copy state/crl.pem of the coordinator's workspace to ${path}.`;
    throw flError(
      'NF_KIT_FAULTY',
      { faults: `${REVOKED_FILE} cannot be read.`, mend },
      { place: { file: path }, cause },
    );
  }
}
