// Writes sbom.cdx.json, the bill of materials (CycloneDX) of the package that `npm pack` makes. npm reads it off the lock file; the time
// and the random number are taken out, so that the same sources give the same package.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { prettyJson } from '../src/runtime/kernel/digest.ts';
import { shippedPackages } from './packages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = z.object({ name: z.string() }).parse(JSON.parse(readFileSync(`${root}package.json`, 'utf8')));
const bomSchema = z.looseObject({
  serialNumber: z.string(),
  metadata: z.looseObject({ timestamp: z.string(), component: z.looseObject({ name: z.string() }) }),
  components: z.array(z.looseObject({})),
});

const args = [
  'sbom',
  '--sbom-format=cyclonedx',
  '--sbom-type=application',
  '--omit=dev',
  '--package-lock-only',
];
const windows = process.platform === 'win32';
const text = execFileSync(windows ? 'npm.cmd' : 'npm', args, { cwd: root, encoding: 'utf8', shell: windows });
const { serialNumber, metadata, components, ...bom } = bomSchema.parse(JSON.parse(text));
const { timestamp, component, ...about } = metadata;
const carried = shippedPackages(root)
  .filter(({ comes }) => comes === 'inside this package')
  .map(({ name, version, licence, integrity }) => ({
    'bom-ref': `${name}@${version}`,
    type: 'library',
    name,
    version,
    description: 'Carried in dist/vendor, without the parts that Node.js does not load.',
    purl: `pkg:npm/${name}@${version}`,
    hashes: [
      { alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') },
    ],
    licenses: [{ license: { id: licence } }],
  }));
const told = {
  ...bom,
  // npm names it after the folder.
  metadata: { ...about, component: { ...component, name: own.name } },
  components: [...components, ...carried],
};
writeFileSync(`${root}sbom.cdx.json`, prettyJson(told));
