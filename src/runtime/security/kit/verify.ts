import { X509Certificate } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { timeText } from '../../base/text/time-text.ts';
import { type Identity, identityOf } from '../certificate/identity.ts';
import { isoDay } from '../certificate/iso-day.ts';
import { certificateFingerprint, exposedMode, isKeyOf } from '../certificate/keys.ts';
import { type Endpoint, endpointSchema } from './endpoint.ts';
import { type KitFiles, kitFiles, SIGNATURE_FILE } from './layout.ts';
import { isSignedBy, type KitSignature, signatureSchema } from './signature.ts';

export interface KitFault {
  /** Path from the folder of the kit. */
  readonly file: string;
  readonly problem: 'missing' | 'changed' | 'added' | 'exposed' | 'expired' | 'not yet valid' | 'foreign';
  readonly message: string;
  /** What to type to put it right. */
  readonly mend: string;
}

export interface KitReport {
  readonly dir: string;
  readonly project: string;
  readonly participant: string;
  /** Undefined if a fault hides it. */
  readonly identity: Identity | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly rootFingerprint: string | undefined;
  readonly expires: Date | undefined;
  /** Whole days until the certificate, or the authority's if that is earlier, ends; negative once it has. */
  readonly daysLeft: number | undefined;
  readonly faults: readonly KitFault[];
}

export interface VerifyOptions {
  readonly now?: Date;
  /** Fingerprint of the authority this kit had when it was first seen. */
  readonly rootFingerprint?: string | undefined;
}

const DAY_MS = 86_400_000;
/** From here on the end of a certificate is shown. */
export const WARN_DAYS = 30;

/** Looks through a startup kit: every file, the certificate, the key. @throws NF_KIT_NOT_FOUND if it is none */
export async function verifyKit(dir: string, options: VerifyOptions = {}): Promise<KitReport> {
  const names = await startupNames(dir);
  const texts = await readTexts(dir, names);
  const signature = parseSignature(texts.get(SIGNATURE_FILE));
  const type = (['server', 'client', 'admin'] as const).find((one) => names.includes(kitFiles(one).endpoint));
  const paths = kitFiles(type ?? 'client');
  const endpoint = parseEndpoint(texts.get(paths.endpoint));
  const participant = signature?.participant ?? endpoint?.name ?? '';
  const kit: OpenedKit = {
    dir,
    texts,
    paths,
    signature,
    participant,
    mend: mendingCommands(dir, participant),
  };

  const root = certificateIn(texts.get(paths.root));
  const leaf = certificateIn(texts.get(paths.certificate));
  const now = options.now ?? new Date();
  const expires = root && leaf && new Date(Math.min(Date.parse(root.validTo), Date.parse(leaf.validTo)));
  return {
    dir,
    project: signature?.project ?? endpoint?.project ?? '',
    participant,
    identity: leaf && safely(() => identityOf(leaf)),
    endpoint,
    rootFingerprint: root && certificateFingerprint(root),
    expires,
    daysLeft: expires && Math.floor((expires.getTime() - now.getTime()) / DAY_MS),
    faults: [
      ...rootFaults(kit, root, options.rootFingerprint),
      ...fileFaults(kit, root),
      ...(root && leaf ? certificateFaults(kit, { root, leaf, now }) : []),
      ...(await keyFaults(kit, leaf)),
    ],
  };
}

interface OpenedKit {
  readonly dir: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly paths: KitFiles;
  readonly signature: KitSignature | undefined;
  readonly participant: string;
  readonly mend: { readonly restore: string; readonly request: string };
}

/** At the coordinator, then at the site; the key itself is only ever made at one place. */
function mendingCommands(dir: string, participant: string) {
  const name = participant === '' ? 'NAME' : participant;
  return {
    restore: `neuroflare provision --workspace WORKSPACE --renew ${shellWord(name)} (at the coordinator), then neuroflare package APPROVAL --out ${shellWord(dir)}`,
    request: `neuroflare cert request ${shellWord(name)} (here), then neuroflare cert approve REQUEST (at the coordinator)`,
  };
}

function rootFaults(
  kit: OpenedKit,
  root: X509Certificate | undefined,
  known: string | undefined,
): KitFault[] {
  if (!root || known === undefined || certificateFingerprint(root) === known) return [];
  const message = `${kit.paths.root} is of another authority than when the kit was added`;
  return [{ file: kit.paths.root, problem: 'foreign', message, mend: kit.mend.restore }];
}

function fileFaults(
  { dir, texts, paths, signature, mend }: OpenedKit,
  root: X509Certificate | undefined,
): KitFault[] {
  const fault = (file: string, problem: KitFault['problem'], command = mend.restore): KitFault => {
    const words =
      problem === 'added'
        ? 'does not belong to the kit'
        : problem === 'missing'
          ? 'is missing'
          : 'was changed';
    return { file, problem, message: `${file} ${words}`, mend: command };
  };
  if (!texts.has(SIGNATURE_FILE)) return [fault(SIGNATURE_FILE, 'missing')];
  if (!signature) return [fault(SIGNATURE_FILE, 'changed')];
  const listed = Object.entries(signature.files).flatMap(([file, digest]) => {
    const text = texts.get(file);
    if (text === undefined) return [fault(file, 'missing')];
    return sha256(text) === digest ? [] : [fault(file, 'changed')];
  });
  const known = new Set([...Object.keys(signature.files), ...Object.keys(signature.keys), SIGNATURE_FILE]);
  const added = [...texts.keys()].filter((file) => !known.has(file));
  const required = [paths.root, paths.certificate, paths.endpoint].filter(
    (file) => !(file in signature.files),
  );
  const forged = required.length > 0 || (root !== undefined && !isSignedBy(signature, root.publicKey));
  return [
    ...listed,
    // A changed rootCA.pem explains a signature that does not fit.
    ...(forged && listed.every(({ file }) => file !== paths.root) ? [fault(SIGNATURE_FILE, 'changed')] : []),
    ...added.map((file) => fault(file, 'added', `rm ${join(dir, file)}`)),
  ];
}

/** A certificate is never made for a time to come: it is the clock that is wrong, here or where the certificate was made. */
const SET_CLOCK =
  'set the clock of this machine (timedatectl set-ntp true, or chrony, ntpd, w32time); if it is right, set that of the coordinator';

function certificateFaults(
  { paths, participant, mend }: OpenedKit,
  { root, leaf, now }: { root: X509Certificate; leaf: X509Certificate; now: Date },
): KitFault[] {
  const file = paths.certificate;
  const fault = (problem: KitFault['problem'], message: string, command = mend.restore) => [
    { file, problem, message, mend: command },
  ];
  if (!leaf.checkIssued(root) || !leaf.verify(root.publicKey)) {
    return fault('foreign', `${file} was not issued by the authority in ${paths.root}`);
  }
  const identity = safely(() => identityOf(leaf));
  if (identity?.name !== participant)
    return fault('foreign', `${file} is not the certificate of ${participant}`);
  const ends = Math.min(Date.parse(root.validTo), Date.parse(leaf.validTo));
  if (ends < now.getTime()) return fault('expired', `${file} expired on ${isoDay(new Date(ends))}`);
  if (Date.parse(leaf.validFrom) > now.getTime()) {
    const message = `${file} is not valid before ${timeText(leaf.validFrom)}, and the clock here says ${timeText(now)}`;
    return fault('not yet valid', message, SET_CLOCK);
  }
  return [];
}

async function keyFaults(
  { dir, texts, paths, mend }: OpenedKit,
  leaf: X509Certificate | undefined,
): Promise<KitFault[]> {
  const file = paths.key;
  const key = texts.get(file);
  if (key === undefined)
    return [{ file, problem: 'missing', message: `${file} is missing`, mend: mend.request }];
  const mode = await exposedMode(join(dir, file));
  const faults: KitFault[] = [];
  if (mode !== undefined) {
    const message = `${file} can be read by others (mode ${mode})`;
    faults.push({ file, problem: 'exposed', message, mend: `chmod 600 ${join(dir, file)}` });
  }
  if (leaf && !isKeyOf(key, leaf.publicKey)) {
    const message = `${file} is not the key of ${paths.certificate}`;
    faults.push({ file, problem: 'changed', message, mend: mend.request });
  }
  return faults;
}

async function startupNames(dir: string): Promise<string[]> {
  const missing = (reason: string) =>
    flError('NF_KIT_NOT_FOUND', { path: dir, reason }, { place: { file: dir } });
  if (!(await stat(dir).catch(() => undefined))) throw missing('it does not exist');
  const entries = await readdir(join(dir, 'startup'), { withFileTypes: true, recursive: true }).catch(
    () => undefined,
  );
  if (!entries) throw missing("it has no folder 'startup'");
  const startup = join(dir, 'startup');
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) =>
      [
        'startup',
        ...join(parentPath, name)
          .slice(startup.length + 1)
          .split(/[\\/]/),
      ].join('/'),
    );
}

/** Kit files are small; one past this is not read but counts as changed. */
const MAX_BYTES = 1_000_000;

async function readTexts(dir: string, names: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const name of names) {
    const { size } = await stat(join(dir, name)).catch(() => ({ size: 0 }));
    texts.set(name, size > MAX_BYTES ? '' : await readInputText(join(dir, name)));
  }
  return texts;
}

function parseSignature(text: string | undefined): KitSignature | undefined {
  return text === undefined ? undefined : safely(() => signatureSchema.parse(JSON.parse(text)));
}

function parseEndpoint(text: string | undefined): Endpoint | undefined {
  return text === undefined ? undefined : safely(() => endpointSchema.parse(JSON.parse(text)));
}

function certificateIn(text: string | undefined): X509Certificate | undefined {
  return text === undefined ? undefined : safely(() => new X509Certificate(text));
}

/** Undefined where the text is not what it should be: its digest tells the user so. */
function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
