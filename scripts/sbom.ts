// Writes sbom.cdx.json, the bill of materials (CycloneDX) of the package that `npm pack` makes. npm reads it off the lock file; the time
// and the random number are taken out, so that the same sources give the same package.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { prettyJson } from '../src/runtime/base/digest.ts';
import { shippedPackages } from './packages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = z.object({ name: z.string() }).parse(JSON.parse(readFileSync(`${root}package.json`, 'utf8')));
const bomSchema = z.looseObject({
  serialNumber: z.string(),
  metadata: z.looseObject({
    timestamp: z.string(),
    component: z.looseObject({ 'bom-ref': z.string(), name: z.string() }),
  }),
  components: z.array(z.looseObject({ 'bom-ref': z.string() })),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
const windows = process.platform === 'win32';
const text = execFileSync(windows ? 'npm.cmd' : 'npm', args, { cwd: root, encoding: 'utf8', shell: windows });
const { serialNumber, metadata, components, dependencies, ...bom } = bomSchema.parse(JSON.parse(text));
const { timestamp, component, ...about } = metadata;
// With --omit=dev npm leaves out what a package for development needs, too.
const shipped = shippedPackages(root);
const refs = new Set(shipped.map(({ name, version }) => `${name}@${version}`));
const carried = shipped
  .filter(({ comes }) => comes === 'inside this package')
  .map(({ name, version, licence, integrity }) => ({
    'bom-ref': `${name}@${version}`,
    type: 'library',
    name,
    version,
    description: 'Carried in dist/vendor, without the parts that are not loaded.',
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
  components: [
    ...components.filter(
      (one) => refs.has(one['bom-ref']) && !carried.some((own) => own['bom-ref'] === one['bom-ref']),
    ),
    ...carried,
  ],
  dependencies: dependencies
    .filter(({ ref }) => refs.has(ref) || ref === component['bom-ref'])
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((needed) => refs.has(needed)) })),
};
writeFileSync(`${root}sbom.cdx.json`, prettyJson(told));
