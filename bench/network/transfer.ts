// Models over loopback TLS as site and server move them (hashed, durable, resumable), beside a bare TLS copy of the same file.
// usage: node bench/network/transfer.ts [--megabytes 200] [--repeats 5]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { connect } from 'node:tls';
import { parseArgs } from 'node:util';
import { sha256File } from '../../src/runtime/base/digest.ts';
import { HEADER } from '../../src/runtime/network/messages/protocol.ts';
import { download } from '../../src/runtime/network/transfer/download.ts';
import { upload } from '../../src/runtime/network/transfer/upload.ts';
import { ProcessFederation } from '../../test/support/process-federation.ts';
import { RawSite } from '../../test/support/raw-site.ts';
import { median } from '../process-tree.ts';
import { makeModelJob, writeModel } from './model-job.ts';

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '200' }, repeats: { type: 'string', default: '5' } },
});
const megabytes = Number(values.megabytes);
const repeats = Number(values.repeats);
const folder = mkdtempSync(join(tmpdir(), 'bench-transfer-'));
const federation = await ProcessFederation.make(folder);
const startup = join(federation.kits.kit('hub'), 'startup');
const children: ChildProcess[] = [];

try {
  const model = join(folder, 'start.safetensors');
  writeModel(model, megabytes);
  federation.start('hub');
  await federation.answers();
  const job = await makeModelJob(folder, { model, clients: 1, rounds: 1, script: '' });
  const site = await RawSite.connect(federation.kits, 'site-1');
  const headers = { [HEADER.session]: site.session };
  const source = await bare('source', model);
  const sink = await bare('sink', join(folder, 'sunk'));
  const ours: Record<'down' | 'up', number[]> = { down: [], up: [] };
  const bares: Record<'down' | 'up', number[]> = { down: [], up: [] };
  for (let turn = 0; turn < repeats; turn++) {
    // A job each turn: a task is answered by one update.
    const id = await federation.submit(job);
    await site.accept(id);
    const { model: published } = await site.task(id);
    const get = `/v1/site/jobs/${id}/files/${published.sha256}`;
    const target = join(folder, 'got');
    bares.down.push(await rate(() => pipeline(open(source), createWriteStream(target))));
    rmSync(target);
    ours.down.push(await rate(() => download(site.connection, { path: get, headers, target, ...published })));
    rmSync(target);
    const file = join(folder, 'next.safetensors');
    writeModel(file, megabytes);
    // Another content each time: one that is there is not sent again.
    writeSync(openSync(file, 'r+'), Uint8Array.of(turn + 1), 0, 1, 1000);
    const path = `/v1/site/jobs/${id}/uploads/${await sha256File(file)}`;
    bares.up.push(
      await rate(async () => {
        const socket = open(sink);
        await pipeline(createReadStream(file), socket);
        socket.resume();
        if (!socket.closed) await once(socket, 'close');
      }),
    );
    ours.up.push(await rate(() => upload(site.connection, { path, headers, file, size: published.size })));
    await federation.abort(id);
  }
  for (const way of ['down', 'up'] as const)
    console.log(
      `${way}: ${median(ours[way]).toFixed(0)} MB/s, bare TLS copy ${median(bares[way]).toFixed(0)} MB/s, ` +
        `ratio ${median(ours[way].map((value, turn) => value / (bares[way][turn] ?? Number.NaN))).toFixed(2)}`,
    );
  await site.connection.close();
} finally {
  for (const child of children) child.kill();
  await federation.close();
  rmSync(folder, { recursive: true, force: true });
}

/** MB/s */
async function rate(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return megabytes / ((performance.now() - began) / 1000);
}

/** Port of a bare copy's server. */
async function bare(role: 'source' | 'sink', file: string): Promise<number> {
  const script = join(import.meta.dirname, 'bare-tls.ts');
  const keys = [join(startup, 'server.crt'), join(startup, 'server.key')];
  const child = spawn(process.execPath, [script, role, file, ...keys], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(line.toString());
}

function open(port: number) {
  return connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
}
