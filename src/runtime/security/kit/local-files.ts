import { join } from 'node:path';
import type { z } from 'zod';
import { checkYaml } from '../../base/files/yaml-check.ts';
import { readYaml } from '../../base/files/yaml-source.ts';
import { AUTHORIZATION_TEXT, type Authorization, authorizationSchema } from '../policy/authorization.ts';
import { LOG_SETTINGS_TEXT, type LogSettings, logSettingsSchema } from '../policy/log-settings.ts';
import {
  CLIENT_RESOURCES_TEXT,
  type ClientResources,
  clientResourcesSchema,
  SERVER_RESOURCES_TEXT,
  type ServerResources,
  serverResourcesSchema,
} from '../policy/resources.ts';
import { SITE_POLICY_TEXT, type SitePolicy, sitePolicySchema } from '../policy/site-policy.ts';
import type { ParticipantType } from '../project/schema.ts';
import type { KitTexts } from './startup-files.ts';

const LOG_SETTINGS = 'local/log-config.yml';
const SITE_POLICY = 'local/site-policy.yml';
const AUTHORIZATION = 'local/authorization.yml';
const RESOURCES = 'local/resources.yml';

/** What a new kit has in `local/`; an admin has nothing to set. */
export function localFiles(type: ParticipantType): KitTexts {
  if (type === 'admin') return {};
  const own =
    type === 'server'
      ? { [AUTHORIZATION]: AUTHORIZATION_TEXT, [RESOURCES]: SERVER_RESOURCES_TEXT }
      : { [SITE_POLICY]: SITE_POLICY_TEXT, [RESOURCES]: CLIENT_RESOURCES_TEXT };
  return { ...own, [LOG_SETTINGS]: LOG_SETTINGS_TEXT };
}

export function sitePolicyFile(kit: string): string {
  return join(kit, SITE_POLICY);
}

/** @throws NF_KIT_LOCAL with the line */
export function readSitePolicy(kit: string): Promise<SitePolicy> {
  return read(sitePolicyFile(kit), sitePolicySchema);
}

/** @throws NF_KIT_LOCAL with the line */
export function readAuthorization(kit: string): Promise<Authorization> {
  return read(join(kit, AUTHORIZATION), authorizationSchema);
}

/** @throws NF_KIT_LOCAL with the line */
export function readLogSettings(kit: string): Promise<LogSettings> {
  return read(join(kit, LOG_SETTINGS), logSettingsSchema);
}

/** @throws NF_KIT_LOCAL with the line */
export function readServerResources(kit: string): Promise<ServerResources> {
  return read(join(kit, RESOURCES), serverResourcesSchema);
}

/** @throws NF_KIT_LOCAL with the line */
export function readClientResources(kit: string): Promise<ClientResources> {
  return read(join(kit, RESOURCES), clientResourcesSchema);
}

async function read<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  const source = await readYaml(path, 'NF_KIT_LOCAL_YAML');
  return checkYaml(schema, source, { code: 'NF_KIT_LOCAL', what: 'the file' });
}
