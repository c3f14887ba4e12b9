import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SiteJobFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { ProcessExecutor } from '../../../src/runtime/site/executor/process-executor.ts';
import { encodeModel } from '../../support/onnx-external.ts';
import { type AttemptOptions, attemptIn, expectShut } from '../../support/script-attempts.ts';
import { makeJobFolder, orderFor, scriptWith, watching } from '../../support/script-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** What a script can reach from a process that a site isolates: each line is a way that plain JavaScript has tried. */

const require = createRequire(import.meta.url);
const root = tempFolder();
const isRoot = process.geteuid?.() === 0;
let folder: SiteJobFolder;
let job: ProcessExecutor | undefined;
let count = 0;
let server: Server;
let heard = 0;
let port = 0;
let socket = '';

beforeAll(async () => {
  server = createServer((line) => {
    heard += 1;
    line.on('error', () => undefined).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
  socket = join(root, 's.sock');
  const local = createServer((line) => {
    heard += 1;
    line.on('error', () => undefined).end();
  }).listen(socket);
  await once(local, 'listening');
  local.unref();
});
afterAll(() => server.close());

beforeEach(async () => {
  folder = await makeJobFolder(join(root, String(count++), 'work'));
  heard = 0;
});
afterEach(() => job?.close());

const attempt = (codes: Readonly<Record<string, string>>, options: AttemptOptions = {}) =>
  attemptIn(folder, codes, options);

describe('a script at a site', () => {
  it('opens no database', async () => {
    const codes = {
      import: `import('node:sqlite')`,
      require: `require('node:sqlite').DatabaseSync`,
      builtin: `built('node:sqlite').DatabaseSync`,
    };
    expectShut(await attempt(codes), codes);
  });

  it('opens no socket', async () => {
    const tcp = `{ host: '127.0.0.1', port: ${port} }`;
    const codes = {
      tcp: `event(built('net').connect(${tcp}), 'connect')`,
      unix: `event(built('net').connect(${JSON.stringify(socket)}), 'connect')`,
      abstract: `event(built('net').connect('\\0neuroflare'), 'connect')`,
      listen: `event(built('net').createServer().listen(0, '127.0.0.1'), 'listening')`,
      'listen at a path': `event(built('net').createServer().listen('here.sock'), 'listening')`,
      'a handle of the inside': `{ const handle = built('net')._createServerHandle('127.0.0.1', 0, 4); if (typeof handle === 'number') throw new Error('refused'); }`,
      udp: `new Promise((yes, no) => built('dgram').createSocket('udp4').once('error', no).send('x', ${port}, '127.0.0.1', (error) => error ? no(error) : yes()))`,
      http: `event(built('http').get('http://127.0.0.1:${port}'), 'response')`,
      https: `event(built('https').get('https://127.0.0.1:${port}'), 'response')`,
      http2: `event(built('http2').connect('http://127.0.0.1:${port}'), 'connect')`,
      tls: `event(built('tls').connect(${tcp}), 'secureConnect')`,
      fetch: `fetch('http://127.0.0.1:${port}').catch((error) => { throw error.cause ?? error; })`,
      websocket: `new Promise((yes, no) => { const ws = new WebSocket('ws://127.0.0.1:${port}'); ws.onopen = yes; ws.onerror = (event) => no(event.error ?? new Error('refused')); })`,
      'name by the system': `new Promise((yes, no) => built('dns').lookup('localhost', (error, address) => error ? no(error) : yes(address)))`,
      'name by promise': `built('dns/promises').lookup('localhost')`,
      'name by a server': `new Promise((yes, no) => built('dns').resolve4('example.org', (error) => error ? no(error) : yes()))`,
      'name by a resolver': `new (built('dns/promises').Resolver)().resolveTxt('secret.example.org')`,
      'a socket by number': `event(new (built('net').Socket)({ fd: 0 }), 'ready')`,
    };
    const came = await attempt(codes);
    expectShut(came, codes);
    expect(came).toMatchObject({
      tcp: expect.stringContaining('EACCES'),
      fetch: expect.stringContaining('EACCES'),
    });
    expect(heard).toBe(0);
  });

  it('opens sockets where the site says so', async () => {
    const came = await attempt(
      { tcp: `event(built('net').connect(${port}, '127.0.0.1'), 'connect')` },
      { policy: { network: 'open' } },
    );
    expect(came).toEqual({ tcp: 'OK undefined' });
    expect(heard).toBe(1);
  });

  it('loads no native code, also with other functions in the places of the usual ones', async () => {
    const library = createRequire(require.resolve('sharp')).resolve(
      `@img/sharp-${process.platform}-${process.arch}/sharp.node`,
    );
    await mkdir(folder.home, { recursive: true });
    await writeFile(join(folder.home, 'own.node'), await readFile(library));
    const own = JSON.stringify(join(folder.home, 'own.node'));
    const codes = {
      dlopen: `process.dlopen({ exports: {} }, ${own})`,
      require: `require(${own})`,
      extension: `built('module')._extensions['.node']({ exports: {} }, ${own})`,
      relative: `{ process.cwd = () => require.resolve('sharp'); process.dlopen({ exports: {} }, 'own.node'); }`,
      patched: `{ const { startsWith } = String.prototype; const { find } = Array.prototype; const { apply } = Reflect; String.prototype.startsWith = () => true; Array.prototype.find = () => ({ tame() {} }); Reflect.apply = () => true; try { process.dlopen({ exports: {} }, ${own}); } finally { String.prototype.startsWith = startsWith; Array.prototype.find = find; Reflect.apply = apply; } }`,
      engine: `built('crypto').setEngine(${own})`,
      'engine of tls': `built('tls').createSecureContext({ clientCertEngine: ${own} })`,
      linked: `process._linkedBinding('x')`,
      binding: `process.binding('fs')`,
      'other thread': `{ built('module').register('data:text/javascript,export {}'); }`,
      worker: `new (built('worker_threads').Worker)('1', { eval: true })`,
      inspector: `{ const session = new (built('inspector').Session)(); session.connect(); }`,
      'inspector port': `built('inspector').open(0)`,
      flags: `built('v8').setFlagsFromString('--allow-natives-syntax')`,
      wasi: `new (built('wasi').WASI)({ version: 'preview1', preopens: { '/': '/' } })`,
      'environment file': `{ fs.writeFileSync('env', 'VIPSHOME=/x'); process.loadEnvFile('env'); }`,
    };
    expectShut(await attempt(codes), codes);
  });

  it('gives native libraries no environment and no other current folder', async () => {
    const codes = {
      report: `{ const { header, ...rest } = process.report.getReport(); if (Object.keys(header).length + Object.keys(rest).length > 2) return 'all'; throw new Error('a version'); }`,
      folder: `process.chdir('/')`,
    };
    expectShut(await attempt(codes), codes);
    const came = await attempt({ own: `(process.env.MINE = 'x', process.env.MINE)` });
    expect(came).toEqual({ own: 'OK x' });
  });

  it('sends no signal to others and starts nothing', async () => {
    const codes = {
      kill: `{ process.kill(process.ppid, 0); }`,
      'of the inside': `{ if (process._kill(${process.pid}, 0) !== 0) throw new Error('refused'); }`,
      debug: `process._debugProcess(${process.pid})`,
      priority: `built('os').setPriority(${process.pid}, 1)`,
      spawn: `built('child_process').spawnSync('id').status`,
      cluster: `built('cluster').fork()`,
      'rights that are given up': `process.permission.drop('fs.read')`,
      execve: `process.execve('/bin/true', ['/bin/true'])`,
      user: `process.setuid(0)`,
    };
    expectShut(await attempt(codes), codes);
  });

  it('reads and writes nothing outside by pictures', async () => {
    const picture = join(root, `${count}.png`);
    await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toFile(picture);
    await chmod(picture, 0o644);
    const path = JSON.stringify(picture);
    const out = (name: string) => JSON.stringify(join(root, `out-${count}.${name}`));
    const create = '{ create: { width: 16, height: 16, channels: 3, background: "red" } }';
    const codes = {
      read: `sharp(${path}).raw().toBuffer()`,
      metadata: `sharp(${path}).metadata()`,
      stats: `sharp(${path}).stats()`,
      compose: `sharp(${create}).composite([{ input: ${path} }]).raw().toBuffer()`,
      join: `sharp(${create}).joinChannel(${path}).raw().toBuffer()`,
      ...Object.fromEntries(
        ['png', 'jpeg', 'webp', 'tiff', 'gif', 'v', 'raw', 'dz', 'avif'].map((name) => [
          `write ${name}`,
          `sharp(${create}).toFile(${out(name)})`,
        ]),
      ),
      tiles: `sharp(${create}).tile({ size: 8 }).toFile(${out('zip')})`,
      font: `sharp({ text: { text: 'a', fontfile: ${path} } }).raw().toBuffer()`,
      unblock: `sharp.unblock({ operation: ['VipsForeign'] })`,
      'unblock at the binding': `require('@img/sharp-linux-x64/sharp.node').block(['VipsForeign'], false)`,
      'a new copy of the binding': `{ const module = { exports: {} }; process.dlopen(module, require.resolve('@img/sharp-linux-x64/sharp.node')); module.exports.block(['VipsForeign'], false); }`,
      'from the cache': `{ const binding = Object.values(require.cache).find(({ id }) => id.endsWith('.node')).exports; binding.block(['VipsForeign'], false); }`,
      vector: `sharp(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')).raw().toBuffer()`,
    };
    const withSharp = Object.fromEntries(
      Object.entries(codes).map(([name, code]) => [
        name,
        `{ const sharp = createRequire(require.resolve('sharp'))('sharp'); return await ${code.startsWith('{') ? `(async () => ${code})()` : code}; }`,
      ]),
    );
    const came = await attempt(withSharp);
    expectShut(came, codes);
    expect(existsSync(join(root, `out-${count}.png`))).toBe(false);
    const memory = await attempt({
      picture: `{ const sharp = require('sharp'); const png = await sharp(${create}).resize(8).png().toBuffer(); return (await sharp(png).raw().toBuffer()).length; }`,
    });
    expect(memory).toEqual({ picture: 'OK 192' });
  });

  it('reads and writes nothing outside by models of ONNX Runtime', async () => {
    const secret = join(root, 'secret.bin');
    await writeFile(secret, 'SECRETDATA123456', { mode: 0o644 });
    const model = (location: string) =>
      `Buffer.from('${encodeModel(location).toString('base64')}', 'base64')`;
    const create = (bytes: string, options = '{}') =>
      `{ const ort = require('onnxruntime-node'); const session = await ort.InferenceSession.create(${bytes}, ${options}); return Buffer.from((await session.run({})).y.data).toString(); }`;
    const inside = `(fs.writeFileSync('mine.bin', 'MY OWN NUMBERS 1'), ${model('mine.bin')})`;
    const written = join(root, 'optimised.onnx');
    const codes = {
      absolute: create(model(secret)),
      upwards: create(model('../../../secret.bin')),
      'from another folder': `{ try { process.chdir('/'); } catch {} ${create(model(secret.slice(1))).slice(1)}`,
      link: `{ fs.symlinkSync(${JSON.stringify(secret)}, 'link'); ${create(model('link')).slice(1)}`,
      'by name': create(JSON.stringify(secret)),
    };
    expectShut(await attempt(codes), codes);
    const came = await attempt({
      'own folder': create(inside),
      'optimised elsewhere': create(inside, `{ optimizedModelFilePath: ${JSON.stringify(written)} }`),
      'by a prototype': `{ Object.prototype.optimizedModelFilePath = ${JSON.stringify(written)}; try ${create(inside)} finally { delete Object.prototype.optimizedModelFilePath; } }`,
    });
    expect(Object.values(came)).toEqual(Array(3).fill('OK MY OWN NUMBERS 1'));
    expect(existsSync(written)).toBe(false);
  });

  it('reads no other process, and writes no cache, snapshot or trace outside', async () => {
    const out = JSON.stringify(join(root, `trace-${count}`));
    const codes = {
      memory: `fs.openSync('/proc/self/mem', 'r')`,
      parent: `fs.readFileSync('/proc/' + process.ppid + '/environ')`,
      client: `fs.readFileSync('/proc/${process.pid}/environ')`,
      shared: `fs.writeFileSync('/dev/shm/neuroflare-probe', 'x')`,
      descriptors: `fs.readdirSync('/proc/self/fd')`,
      cgroup: `fs.readdirSync('/sys/fs/cgroup')`,
      snapshot: `built('v8').writeHeapSnapshot(${out})`,
      cache: `{ const { status, directory } = built('module').enableCompileCache(${out}); if (status !== 1) throw new Error('refused'); return directory; }`,
      module: `import('data:text/javascript,import fs from "node:fs"; export default fs.readFileSync("/etc/passwd")')`,
      link: `{ fs.symlinkSync('/etc/passwd', 'passwd'); return fs.readFileSync('passwd'); }`,
    };
    expectShut(await attempt(codes), codes);
    expect(existsSync(join(root, `trace-${count}`))).toBe(false);
  });

  it('gives V8 no compiled code, which it runs unchecked, and sees no memory', async () => {
    const data = `Buffer.alloc(64)`;
    const codes = {
      'a script': `new (built('vm').Script)('1', { cachedData: ${data} })`,
      'options that change': `new (built('vm').Script)('1', { get cachedData() { return this.n++ ? ${data} : undefined; }, n: 1 })`,
      'a class of its own': `new (class extends built('vm').Script {})('1', { cachedData: ${data} })`,
      'the class by an object': `new (new (built('vm').Script)('1').constructor)('1', { cachedData: ${data} })`,
      'the class below': `new (Object.getPrototypeOf(built('vm').Script.prototype).constructor)('1', 'x', 0, 0, ${data})`,
      'the class below, by the class': `{ const below = Object.getPrototypeOf(built('vm').Script); if (below === Function.prototype) throw new Error('none'); return below; }`,
      'to run here': `built('vm').runInThisContext('1', { cachedData: ${data} })`,
      'to run elsewhere': `built('vm').runInNewContext('1', {}, { cachedData: ${data} })`,
      'to run in a context': `built('vm').runInContext('1', built('vm').createContext(), { cachedData: ${data} })`,
      'a function': `built('vm').compileFunction('', [], { cachedData: ${data} })`,
      'what is made': `new (built('vm').Script)('1').createCachedData()`,
      'what is made by an option': `new (built('vm').Script)('1', { produceCachedData: true }).cachedData.length`,
      'what is made of a function': `built('vm').compileFunction('', [], { produceCachedData: true }).cachedData.length`,
      'with a walk through lists of its own': `{ const walk = Array.prototype[Symbol.iterator]; Array.prototype[Symbol.iterator] = function* () {}; try { return new (built('vm').Script)('1', { produceCachedData: true }).cachedData.length; } finally { Array.prototype[Symbol.iterator] = walk; } }`,
      'to import with a walk of its own': `{ const { Script, constants } = built('vm'); const walk = Array.prototype[Symbol.iterator]; Array.prototype[Symbol.iterator] = function* () {}; try { return new Script('1', { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER }).runInThisContext(); } finally { Array.prototype[Symbol.iterator] = walk; } }`,
      'a cache in its own folder': `{ const { status } = built('module').enableCompileCache(process.cwd() + '/cache'); if (status !== 1) throw new Error('refused'); }`,
      memory: `built('v8').getHeapSnapshot().read(9)`,
      objects: `built('v8').queryObjects(Object, { format: 'summary' })`,
      'open handles': `process._getActiveHandles().length`,
    };
    expectShut(await attempt(codes), codes);
    const usual = await attempt({
      script: `new (built('vm').Script)('a + 1', { filename: 'x.js' }).runInNewContext({ a: 1 })`,
      instance: `new (built('vm').Script)('1') instanceof built('vm').Script`,
      here: `built('vm').runInThisContext('1 + 1')`,
      name: `(() => { try { built('vm').runInNewContext('x', {}, 'mine.js'); } catch (error) { return error.stack.includes('mine.js'); } })()`,
      function: `built('vm').compileFunction('return a', ['a'])(2)`,
    });
    expect(usual).toEqual({
      script: 'OK 2',
      instance: 'OK true',
      here: 'OK 2',
      name: 'OK true',
      function: 'OK 2',
    });
  });

  it('is told nothing of old names in Node.js that it does not use', async () => {
    const code = `(async () => {
      const told = [];
      process.on('warning', ({ code }) => told.push(code));
      await import('node:crypto');
      await new Promise((yes) => setImmediate(yes));
      return told.join();
    })()`;
    expect(await attempt({ crypto: code })).toEqual({ crypto: 'OK ' });
  });

  it.runIf(isRoot)('is nobody, where the client is root, and reads what the client may', async () => {
    const came = await attempt({
      user: `process.getuid() + ' ' + process.getgid() + ' ' + process.getgroups().filter((id) => id === 0).length`,
      parent: `process.ppid`,
      own: `fs.writeFileSync('mine', 'x')`,
    });
    expect(came).toEqual({
      user: 'OK 61110 61110 0',
      parent: expect.stringMatching(/^OK [01]$/),
      own: 'OK undefined',
    });
  });

  it('is told what the site keeps from it', async () => {
    const own = new ProcessExecutor({
      folder,
      engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
      data: undefined,
      policy: { isolate: true, network: 'none', run_as: 'client' },
    });
    job = own;
    const run = async (body: string) => own.run(await orderFor(folder, scriptWith(body)), watching());
    for (const body of [
      `(await import('node:child_process')).spawn('id');`,
      `await new Promise((_, no) => process.getBuiltinModule('net').connect(9, '127.0.0.1').on('error', no));`,
    ])
      expect(await run(body)).toMatchObject({
        type: 'failure',
        error: { code: 'NF_SCRIPT_DENIED', hint: expect.stringMatching(/site-policy\.yml.*isolate/) },
      });
  });
});

describe('what a script says to its client', () => {
  it.each([
    ['no JSON', `fs.writeSync(3, 'nonsense\\n{"type":\\n');`],
    ['half a line', `fs.writeSync(3, '{"type":');`],
    ['inner words of Node.js', `fs.writeSync(3, '{"cmd":"NODE_HANDLE","type":"x"}\\n');`],
    ['a binary flood', `fs.writeSync(3, Buffer.alloc(100_000, 255));`],
  ])('does not end the client: %s', async (_, code) => {
    job = new ProcessExecutor({
      folder,
      engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
      data: undefined,
      policy: { isolate: true, network: 'none', run_as: 'client' },
    });
    const order = await orderFor(folder, scriptWith(`const fs = await import('node:fs'); ${code}`));
    const outcome = await job.run(order, watching({ limit: 10 }));
    expect(['result', 'failure']).toContain(outcome.type);
  });
});
