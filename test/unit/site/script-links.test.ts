import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linksOutside } from '../../../src/runtime/security/policy/links-outside.ts';
import { attemptIn, expectShut } from '../../support/script-attempts.ts';
import { makeJobFolder } from '../../support/script-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Links in a data set: the system follows them, Node.js's permission model does not. */

const root = tempFolder();

/** A data set with links as fMRIPrep, DataLad and people make them, and a file beside it that is nobody's to read. */
async function makeData(name: string) {
  const space = join(root, name);
  const data = join(space, 'data');
  const deep = join(data, 'derivatives/fmriprep/sourcedata');
  const objects = join(data, '.git/annex/objects');
  for (const folder of [deep, objects, join(data, 'sub-01'), join(space, 'kit/startup')])
    await mkdir(folder, { recursive: true });
  await writeFile(join(space, 'kit/startup/client.key'), 'the key');
  await writeFile(join(data, 'participants.tsv'), 'participant_id');
  await writeFile(join(objects, 'MD5.nii'), 'the image');
  await symlink('../.git/annex/objects/MD5.nii', join(data, 'sub-01/anat.nii'));
  await symlink('../../..', join(deep, 'raw'));
  await symlink(join(space, 'kit/startup'), join(data, 'sourcedata'));
  await symlink(join(space, 'kit/startup/client.key'), join(data, 'sub-02.nii'));
  const folder = await makeJobFolder(join(space, 'kit/work'));
  return { space, data, folder };
}

/** Through the link so often that the text stays below the data, whatever `..` follow. */
const THROUGH = 'derivatives/fmriprep/sourcedata/raw/';

describe('a script at a site', () => {
  it('reads nothing outside through links of the data set, whatever names the path', async () => {
    const { space, data, folder } = await makeData('outside');
    const depth = data.split('/').length - 1;
    const away = (path: string) =>
      `${data}/${THROUGH.repeat(depth + 4)}${'../'.repeat(depth)}${path.slice(1)}`;
    const key = join(space, 'kit/startup/client.key');
    const ways: Record<string, string> = {
      'a link and ..': away(key),
      'a link to a folder': join(data, 'sourcedata/client.key'),
      'a link to a file': join(data, 'sub-02.nii'),
      'the system': away('/etc/passwd'),
    };
    const reads: Record<string, (path: string) => string> = {
      readFileSync: (path) => `fs.readFileSync(${path}, 'utf8')`,
      'a URL': (path) =>
        `fs.readFileSync(Object.assign(new URL('file:///x'), {}) && { href: 'file://' + ${path}, protocol: 'file:', hostname: '', pathname: ${path} })`,
      'a function like a URL': (path) =>
        `fs.readFileSync(Object.assign(() => 0, { href: 'file://' + ${path}, protocol: 'file:', hostname: '', pathname: ${path} }))`,
      'a Buffer': (path) => `fs.readFileSync(Buffer.from(${path}))`,
      bytes: (path) => `fs.readFileSync(new TextEncoder().encode(${path}))`,
      openSync: (path) => `fs.openSync(${path})`,
      callback: (path) =>
        `new Promise((yes, no) => fs.readFile(${path}, (error, found) => (error ? no(error) : yes(found))))`,
      'promises.readFile': (path) => `fs.promises.readFile(${path})`,
      'promises.open': (path) => `fs.promises.open(${path})`,
      stream: (path) => `event(fs.createReadStream(${path}), 'data')`,
      'class of streams': (path) => `event(new fs.ReadStream(${path}), 'data')`,
      openAsBlob: (path) => `fs.openAsBlob(${path}).then((blob) => blob.text())`,
      copyFileSync: (path) => `fs.copyFileSync(${path}, 'copy-1')`,
      'promises.cp': (path) => `fs.promises.cp(${path}, 'copy-2', { dereference: true })`,
      cp: (path) =>
        `new Promise((yes, no) => fs.cp(${path}, 'copy-3', { dereference: true }, (error) => (error ? no(error) : yes())))`,
      statSync: (path) => `fs.statSync(${path}).size`,
      accessSync: (path) => `fs.accessSync(${path})`,
      existsSync: (path) => `{ if (!fs.existsSync(${path})) throw new Error('not there'); }`,
      exists: (path) =>
        `built('util').promisify(fs.exists)(${path}).then((is) => { if (!is) throw new Error('not there'); })`,
      statfsSync: (path) => `fs.statfsSync(${path}).type`,
      watch: (path) => `fs.watch(${path}).close()`,
      watchFile: (path) => `(fs.watchFile(${path}, () => 0), fs.unwatchFile(${path}))`,
      realpathSync: (path) => `fs.realpathSync(${path})`,
      'realpathSync of the system': (path) => `fs.realpathSync.native(${path})`,
      'promises.realpath': (path) => `fs.promises.realpath(${path})`,
      require: (path) => `require.resolve(${path})`,
      'FileHandle with another prototype': (path) =>
        `fs.promises.open(${JSON.stringify(join(data, 'participants.tsv'))}).then((handle) => fs.promises.readFile(Object.setPrototypeOf(handle, { href: 'file://' + ${path}, protocol: 'file:', hostname: '', pathname: ${path} })))`,
    };
    const codes = Object.fromEntries(
      Object.entries(ways).flatMap(([what, path]) =>
        Object.entries(reads).map(([how, read]) => [`${how}: ${what}`, read(JSON.stringify(path))]),
      ),
    );
    const folders = [away(join(space, 'kit')), join(data, 'sourcedata')].map((path) => JSON.stringify(path));
    for (const [at, path] of folders.entries()) {
      codes[`readdirSync ${at}`] = `fs.readdirSync(${path})`;
      codes[`promises.readdir ${at}`] = `fs.promises.readdir(${path})`;
      codes[`opendirSync ${at}`] = `fs.opendirSync(${path}).readSync().name`;
    }
    const text = JSON.stringify(data);
    const seen = (list: string) =>
      `{ if (!String(${list}).includes('client.key')) throw new Error('not seen'); }`;
    codes['all below'] = seen(`fs.readdirSync(${text}, { recursive: true })`);
    codes['all below, later'] = seen(`await fs.promises.readdir(${text}, { recursive: true })`);
    codes['all below, with types'] = seen(
      `fs.readdirSync(${text}, { recursive: true, withFileTypes: true }).map((one) => one.name)`,
    );
    codes.globSync = seen(`fs.globSync(${text} + '/sourcedata/*')`);
    codes['promises.glob'] = seen(
      `await Array.fromAsync(fs.promises.glob('sourcedata/*', { cwd: ${text} }))`,
    );
    codes['a copy of all'] =
      `(await fs.promises.cp(${text} + '/sourcedata', 'all', { recursive: true, dereference: true }), fs.readFileSync('all/client.key'))`;
    codes.write = `fs.writeFileSync(${JSON.stringify(`${data}/${THROUGH.repeat(depth + 4)}${'../'.repeat(3 * (depth + 4) + depth)}`)} + process.cwd().slice(1) + '/../../../../../found', 'x')`;
    const own = JSON.stringify(join(data, 'participants.tsv'));
    codes['a handle of a number'] = `(async () => {
      const fd = fs.openSync(${own});
      const file = await fs.promises.open(${own});
      try { return new file.constructor({ fd, close: async () => 0 }).fd; } finally { fs.closeSync(fd); await file.close(); }
    })()`;
    codes['an inner handle of a number'] = `(async () => {
      const file = await fs.promises.open(${own});
      const [inner] = Object.getOwnPropertySymbols(file).map((key) => file[key]).filter((one) => one?.releaseFD);
      try { return new inner.constructor(fs.openSync(${own})).fd; } finally { await file.close(); }
    })()`;
    codes['with other functions in place'] = `{
      const kept = { Number, TextDecoder };
      globalThis.Number = () => 0;
      globalThis.TextDecoder = class { decode() { return ${text}; } };
      try { return fs.readFileSync(Buffer.from(${JSON.stringify(ways['a link and ..'])})); } finally { Object.assign(globalThis, kept); }
    }`;
    const came = await attemptIn(folder, codes, { data });
    expectShut(came, codes);
    expect(came['readFileSync: a link and ..']).toContain('ERR_ACCESS_DENIED');
  });

  it('reads its data through links that stay inside, and uses its own folder as ever', async () => {
    const { data, folder } = await makeData('inside');
    const path = (name: string) => JSON.stringify(join(data, name));
    const through = JSON.stringify(`${data}/${THROUGH}`);
    const came = await attemptIn(
      folder,
      {
        'an annexed image': `fs.readFileSync(${path('sub-01/anat.nii')}, 'utf8')`,
        'its link': `fs.readlinkSync(${path('sub-01/anat.nii')})`,
        'a link to a folder': `fs.readFileSync(${through} + 'participants.tsv', 'utf8')`,
        '..': `fs.readFileSync(${JSON.stringify(`${data}/sub-01/../participants.tsv`)}, 'utf8')`,
        '.. behind a link': `fs.readFileSync(${through} + 'sub-01/../participants.tsv', 'utf8')`,
        'a URL': `fs.readFileSync(built('url').pathToFileURL(${path('participants.tsv')}), 'utf8')`,
        bytes: `fs.readFileSync(Buffer.from(${path('participants.tsv')}), 'utf8')`,
        list: `fs.readdirSync(${path('sub-01')}).sort()`,
        'list below': `fs.readdirSync(${path('.git')}, { recursive: true }).sort()`,
        'by a handle': `(async () => { const file = await fs.promises.open(${path('participants.tsv')}); try { return await fs.promises.readFile(file, 'utf8'); } finally { await file.close(); } })()`,
        stream: `event(fs.createReadStream(${path('participants.tsv')}, 'utf8'), 'data')`,
        copy: `(fs.copyFileSync(${path('sub-01/anat.nii')}, 'anat.nii'), fs.readFileSync('anat.nii', 'utf8'))`,
        glob: `fs.globSync('sub-*/*.nii', { cwd: ${path('.')} })`,
        'a file of its own': `(fs.mkdirSync('a/b', { recursive: true }), fs.writeFileSync('a/b/../c', 'mine'), fs.readFileSync('a/c', 'utf8'))`,
        'a temporary folder': `fs.existsSync(fs.mkdtempSync('tmp-'))`,
        'what is not there': `(() => { try { fs.readFileSync('nothing'); } catch (error) { return error.code; } })()`,
        exists: `new Promise((yes) => fs.exists('a/c', yes))`,
        move: `(fs.renameSync('a/c', 'd'), fs.rmSync('d'), fs.existsSync('d'))`,
        'no path': `(() => { try { fs.readFileSync({}); } catch (error) { return error.code; } })()`,
      },
      { data },
    );
    expect(came).toEqual({
      'an annexed image': 'OK the image',
      'its link': 'OK ../.git/annex/objects/MD5.nii',
      'a link to a folder': 'OK participant_id',
      '..': 'OK participant_id',
      '.. behind a link': 'OK participant_id',
      'a URL': 'OK participant_id',
      bytes: 'OK participant_id',
      list: 'OK anat.nii',
      'list below': 'OK annex,annex/objects,annex/objects/MD5.nii',
      'by a handle': 'OK participant_id',
      stream: 'OK participant_id',
      copy: 'OK the image',
      glob: 'OK sub-01/anat.nii',
      'a file of its own': 'OK mine',
      'a temporary folder': 'OK true',
      'what is not there': 'OK ENOENT',
      exists: 'OK true',
      move: 'OK false',
      'no path': 'OK ERR_INVALID_ARG_TYPE',
    });
  });
});

describe('a site', () => {
  it('is told which links of its data lead out of it', async () => {
    const { space, data } = await makeData('told');
    const [told, ...more] = await linksOutside(data);
    expect(more).toEqual([]);
    expect(told).toContain('2 links');
    expect(told).toContain(`sourcedata leads to ${join(space, 'kit/startup')}`);
    expect(told).toContain(`sub-02.nii leads to ${join(space, 'kit/startup/client.key')}`);
    expect(told).not.toContain('anat.nii');
    await symlink(data, join(space, 'link'));
    expect(await linksOutside(join(space, 'link'))).toHaveLength(1);
    expect(await linksOutside(join(data, '.git'))).toEqual([]);
  });
});
