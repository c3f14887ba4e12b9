import { readdirSync } from 'node:fs';
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../../src/runtime/base/files/package-root.ts';
import { requireHidden } from '../../../src/runtime/security/policy/readable-code.ts';
import { asNobody, isOpenToOthers } from '../../support/as-nobody.ts';
import { attemptIn, expectShut } from '../../support/script-attempts.ts';
import { makeJobFolder } from '../../support/script-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Files outside that a script at a site tries to change or to find, by ways of Node.js that ask no permission. */

const root = tempFolder();

const isOpen = await isOpenToOthers();
const USERS = [
  ['of its own', 'own'],
  ...(isOpen ? ([["of the client, which is not root's", 'client']] as const) : []),
] as const;

describe('a script at a site', () => {
  it.each(USERS)('changes nothing outside through links and descriptors, as a user %s', async (_, user) => {
    const space = join(root, `space-${user}`);
    await mkdir(space);
    await chmod(root, 0o755);
    await chmod(space, 0o777);
    const asUser = user === 'client' ? asNobody : <Result>(work: () => Promise<Result>) => work();
    await asUser(async () => {
      const data = join(space, 'data');
      const outside = join(space, 'annexed.nii');
      await mkdir(data);
      await writeFile(outside, 'the image');
      await symlink(outside, join(data, 'sub-01.nii'));
      await writeFile(join(data, 'sub-02.nii'), 'another', { mode: 0o640 });
      const folder = await makeJobFolder(join(space, 'work'));
      const from = JSON.stringify(data);
      const file = JSON.stringify(join(data, 'sub-02.nii'));
      const opened = (then: string) =>
        `{ const fd = fs.openSync(${file}, 'r'); try { ${then} } finally { fs.closeSync(fd); } }`;
      const handled = (then: string) =>
        `{ const handle = await fs.promises.open(${file}); try { await ${then}; } finally { await handle.close(); } }`;
      const copies = Object.entries({
        plain: '',
        filter: ', filter: () => true',
        verbatim: ', verbatimSymlinks: true',
        dereference: ', dereference: true',
      }).map(([name, more]) => [
        `cpSync ${name}`,
        `fs.cpSync(${from}, 'copy-${name}', { recursive: true${more} })`,
      ]);
      const codes: Record<string, string> = {
        ...Object.fromEntries(copies),
        'cpSync of the module system': `require('fs').cpSync(${from}, 'copy-2', { recursive: true })`,
        'cpSync by import': `(await import('node:fs')).cpSync(${from}, 'copy-3', { recursive: true })`,
        rename: `fs.renameSync(${from} + '/sub-01.nii', 'link')`,
        'hard link': `fs.linkSync(${file}, 'hard')`,
        'a link beside': `fs.symlinkSync('mine', 'soft')`,
        fchmod: opened('fs.fchmodSync(fd, 0o666);'),
        fchown: opened('fs.fchownSync(fd, process.getuid(), process.getgid());'),
        futimes: opened('fs.futimesSync(fd, 1, 1);'),
        'mode by a handle': handled('handle.chmod(0o666)'),
        'owner by a handle': handled('handle.chown(process.getuid(), process.getgid())'),
        'times by a handle': handled('handle.utimes(1, 1)'),
      };
      const before = await stat(join(data, 'sub-02.nii'));
      const came = await attemptIn(folder, codes, { policy: { run_as: user }, data });
      expectShut(came, codes);
      const after = await stat(join(data, 'sub-02.nii'));
      expect([after.mode, after.mtimeMs]).toEqual([before.mode, before.mtimeMs]);
      expect(readdirSync(folder.home)).toEqual([]);
    });
  });

  it('is not told which files there are elsewhere', async () => {
    const folder = await makeJobFolder(join(root, 'elsewhere/work'));
    const path = JSON.stringify(join(root, 'secret.txt'));
    await writeFile(join(root, 'secret.txt'), 'x');
    const codes = {
      realpath: `fs.realpathSync(${path})`,
      'realpath of the system': `fs.realpathSync.native(${path})`,
      resolve: `require.resolve(${path})`,
      'the module system': `{ if (built('module')._findPath(${path}, ['/']) === false) throw new Error('not found'); }`,
      'an import': `import(${path}).catch((error) => { throw new Error(error.message.replace('secret', 'nothing')); })`,
      'an import by a file of its own': `{ fs.writeFileSync('by.cjs', 'module.exports = (path) => import(path)'); return require(process.cwd() + '/by.cjs')(${path}); }`,
      'its look into a package': `{ if (built('module')._readPackage(${path}).exists === false) throw new Error('not found'); }`,
      'its look for a package': `{ if (built('module').findPackageJSON('..', ${path}) === undefined) throw new Error('not found'); }`,
      'its look at files': `{ if (built('module')._stat(${path}) < 0) throw new Error('not found'); }`,
      'a folder of an open one': `{ fs.mkdirSync('a/b', { recursive: true }); const found = []; const hook = built('async_hooks').createHook({ init: (id, type, from, made) => type === 'DIRHANDLE' && found.push(made) }).enable(); const { constructor } = fs.opendirSync('a'); hook.disable(); return new constructor(found[0], ${JSON.stringify(root)}, { encoding: 'utf8', recursive: true }).readSync().name; }`,
      'a folder of an open one, by the class': `{ fs.mkdirSync('c/b', { recursive: true }); const found = []; const hook = built('async_hooks').createHook({ init: (id, type, from, made) => type === 'DIRHANDLE' && found.push(made) }).enable(); fs.opendirSync('c'); hook.disable(); return new fs.Dir(found[0], ${JSON.stringify(root)}, { encoding: 'utf8' }).readSync().name; }`,
    };
    expectShut(await attemptIn(folder, codes), codes);
    const own = await attemptIn(folder, {
      realpath: `fs.realpathSync('.') === process.cwd()`,
      resolve: `(fs.writeFileSync('mine.cjs', ''), require.resolve(process.cwd() + '/mine.cjs').endsWith('mine.cjs'))`,
    });
    expect(own).toEqual({ realpath: 'OK true', resolve: 'OK true' });
  });

  it('finds its own files in a folder that is closed to all but the user of the client', async () => {
    const closed = join(root, 'closed');
    const folder = await makeJobFolder(join(closed, 'work'));
    await chmod(closed, 0o700);
    await mkdir(join(folder.bundle, 'client'), { recursive: true });
    await writeFile(join(folder.bundle, 'client/more.ts'), 'export const there: number = 1;');
    const codes = { more: `import('./more.ts').then(({ there }) => there)` };
    expect(await attemptIn(folder, codes)).toEqual({ more: 'OK 1' });
  });

  it('reads of the folder of neuroflare the code alone: people keep kits and keys in a clone', async () => {
    const folder = await makeJobFolder(join(root, 'clone/work'));
    const places = ['', 'docs', 'test', 'node_modules', 'node_modules/.bin', 'node_modules/typescript'];
    const codes = Object.fromEntries([
      ...places.map((place) => [
        `list ${place}`,
        `fs.readdirSync(${JSON.stringify(join(PACKAGE_ROOT, place))})`,
      ]),
      ['read', `fs.readFileSync(${JSON.stringify(join(PACKAGE_ROOT, 'README.md'))})`],
      ['lock', `fs.readFileSync(${JSON.stringify(join(PACKAGE_ROOT, 'package-lock.json'))})`],
      [
        'read by a module',
        `import('data:text/javascript,import ' + ${JSON.stringify(JSON.stringify(join(PACKAGE_ROOT, 'vitest.config.ts')))})`,
      ],
      [
        'own code by a module in a URL',
        `import('data:text/javascript,export * from ' + ${JSON.stringify(JSON.stringify(pathToFileURL(join(PACKAGE_ROOT, 'src/runtime/site/script/traces.ts')).href))}).then(() => 1)`,
      ],
    ]);
    expectShut(await attemptIn(folder, codes), codes);
    const own = await attemptIn(folder, {
      zod: `typeof require('zod').object`,
      'the build for WebAssembly': `fs.readFileSync(${JSON.stringify(join(PACKAGE_ROOT, 'node_modules/onnxruntime-web/package.json'))}).length > 0`,
      engine: `import('neuroflare/engine').then((own) => typeof own)`,
      mri: `import('neuroflare/mri').then((own) => typeof own)`,
      tensorflow: `import('@tensorflow/tfjs').then((tf) => typeof tf.tensor)`,
      sharp: `typeof require('sharp')`,
      onnxruntime: `typeof require('onnxruntime-node').InferenceSession`,
    });
    expect(own).toEqual({
      zod: 'OK function',
      'the build for WebAssembly': 'OK true',
      engine: 'OK object',
      mri: 'OK object',
      tensorflow: 'OK function',
      sharp: 'OK function',
      onnxruntime: 'OK function',
    });
  });
});

it('a script does not reach the modules that run it, whatever it calls itself', async () => {
  const folder = await makeJobFolder(join(root, 'own-code/work'));
  const name = JSON.stringify(join(PACKAGE_ROOT, 'src/runtime/site/script/traces.ts'));
  const url = JSON.stringify(pathToFileURL(join(PACKAGE_ROOT, 'src/runtime/site/script/traces.ts')).href);
  const module = `built('module')`;
  const codes = {
    'an import': `import(${url}).then(() => 1)`,
    require: `typeof require(${name}).ours`,
    'require beside it': `typeof ${module}.createRequire(${name})('./traces.ts').ours`,
    'the module system': `typeof ${module}._load(${name}, null, false).ours`,
    'a module that loads': `{ const one = new (${module})(${name}); one.filename = ${name}; one.load(${name}); return typeof one.exports.ours; }`,
    'the loader of an extension': `{ const one = new (${module})(${name}); ${module}._extensions['.js'](one, ${name}); return typeof one.exports.ours; }`,
    'the loader of TypeScript': `{ const one = new (${module})(${name}); ${module}._extensions['.ts'](one, ${name}); return typeof one.exports.ours; }`,
    'code that is compiled under its name': `{ const one = new (${module})('x'); one._compile('module.exports = import(' + JSON.stringify(${url}) + ')', ${name}); return typeof (await one.exports).ours; }`,
    'a script under its name': `{ const { Script, constants } = built('vm'); return typeof (await new Script('import(' + JSON.stringify(${url}) + ')', { filename: ${name}, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }).runInThisContext()).ours; }`,
    'a script under its name, at once': `{ const { runInThisContext, constants } = built('vm'); return typeof (await runInThisContext('import(' + JSON.stringify(${url}) + ')', { filename: ${url}, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER })).ours; }`,
    'a function under its name': `{ const { compileFunction, constants } = built('vm'); return typeof (await compileFunction('return import(' + JSON.stringify(${url}) + ')', [], { filename: ${name}, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER })()).ours; }`,
    'an evaluated import': `(0, eval)('import(' + JSON.stringify(${url}) + ')').then(({ ours }) => typeof ours)`,
    'a function of text': `new Function('return import(' + JSON.stringify(${url}) + ')')().then(({ ours }) => typeof ours)`,
    ...Object.fromEntries(
      [
        ['beginnings of texts', 'String.prototype.startsWith', '() => false'],
        ['tests of patterns', 'RegExp.prototype.test', '() => false'],
        ['matches of patterns', 'RegExp.prototype.exec', '() => null'],
        ['looks into lists', 'Array.prototype.some', '() => false'],
        ['finds in lists', 'Array.prototype.includes', '() => false'],
        ['a walk through lists', 'Array.prototype[Symbol.iterator]', 'function* () {}'],
        ['looks into maps', 'Map.prototype.get', `() => ${url}`],
        ['looks into sets', 'Set.prototype.has', '() => true'],
        ['URLs', 'URL.parse', '() => null'],
      ].flatMap(([what, place, other]) =>
        [
          ['by its URL', url],
          ['by a way from another', `'./own-code.ts'`],
        ].map(([by, from]) => [
          `${what} of its own, ${by}`,
          `{ const was = ${place}; let found; ${place} = ${other}; try { found = import(${from}); } finally { ${place} = was; } return typeof ((await found).ours ?? (await found).requireOthers); }`,
        ]),
      ),
    ),
    'texts of its own, for code that is compiled': `{ const one = new (${module})('x'); const was = String; globalThis.String = () => true; try { one._compile('module.exports = 1', ${name}); return one.exports; } finally { globalThis.String = was; } }`,
    'parts of URLs of its own': `{ const { get } = Object.getOwnPropertyDescriptor(URL.prototype, 'href'); Object.defineProperty(URL.prototype, 'href', { configurable: true, get: () => 'file:///x' }); try { return typeof (await import(${url})).ours; } finally { Object.defineProperty(URL.prototype, 'href', { configurable: true, get }); } }`,
    'hooks of its own': `{ ${module}.registerHooks({ resolve: (name, context, next) => name === 'mine' ? { url: ${url}, shortCircuit: true } : next(name, context) }); return typeof (await import('mine')).ours; }`,
    'a link of its own to it': `{ fs.writeFileSync('mine.mjs', 'export * from ' + JSON.stringify(${url})); return import(require('url').pathToFileURL('mine.mjs').href).then(({ ours }) => typeof ours); }`,
    'the module system and a file of its own': `{ fs.writeFileSync('mine.cjs', 'module.exports = import(' + JSON.stringify(${url}) + ')'); return typeof (await require(process.cwd() + '/mine.cjs')).ours; }`,
  };
  expectShut(await attemptIn(folder, codes), codes);
});

describe('a site', () => {
  it.each([
    ['in its data', (own: Places) => ({ ...own, kit: join(own.data, 'kit') }), 'startup kit'],
    ['in its data', (own: Places) => ({ ...own, work: join(own.data, 'new/work') }), 'work folder'],
    ['by a link in its data', (own: Places) => ({ ...own, work: join(own.link, 'work') }), 'work folder'],
    ['in the code', (own: Places) => ({ ...own, kit: join(PACKAGE_ROOT, 'src/kits') }), 'startup kit'],
  ])('is refused where what it hides lies %s', async (_, move, what) => {
    const link = join(root, `link-${what}`);
    const own = {
      kit: join(root, 'kit'),
      work: join(root, 'kit/work'),
      data: join(root, 'data-of-site'),
      link,
    };
    await mkdir(own.data, { recursive: true });
    await symlink(own.data, link).catch(() => undefined);
    const check = ({ kit, work, data }: Places) =>
      requireHidden({ 'startup kit': kit, 'work folder': work }, data);
    await check(own);
    await expect(check(move(own))).rejects.toMatchObject({
      code: 'NF_OPEN_TO_SCRIPTS',
      message: expect.stringContaining(what),
    });
  });
});

interface Places {
  readonly kit: string;
  readonly work: string;
  readonly data: string;
  readonly link: string;
}
