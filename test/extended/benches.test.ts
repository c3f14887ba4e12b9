import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Each bench that needs nothing but neuroflare, as small as it goes, with the figures it must end with. */
const BENCHES: readonly [string, RegExp][] = [
  ['hello.ts', /neuroflare simulate: [\d.]+ s, \d+ MB/],
  ['many-sites.ts --sites 8 --images 10 --rounds 1', /8 sites of 10 images, 1 rounds, 2 threads: [\d.]+ s/],
  ['attacks.ts --only multi_krum --rounds 2', /`multi_krum` \| 9[\d.]+ \| 9[\d.]+ \| 9[\d.]+ \| 9[\d.]+ \|/],
  ['compression.ts --only int8 --rounds 2', /\| int8 \| 1,240 \|/],
  ['masking.ts --sites 4 --megabytes 1 --repeats 1', /server: a site that dropped out: [\d.]+ s/],
  ['network/poc.ts --turns 1', /hello job, submit to done \| [\d.]+ \|/],
  ['network/model.ts --megabytes 2 --rounds 1', /2 MB, 2 clients, 1 rounds: [\d.]+ s/],
  ['network/transfer.ts --megabytes 4 --repeats 2', /up: \d+ MB\/s, bare TLS copy \d+ MB\/s, ratio [\d.]+/],
  [
    'network/many.ts --idle 4 --busy 2 --rounds 2 --seconds 3',
    /2 sites, 2 rounds and the last evaluation: [\d.]+ s/,
  ],
  ['network/large.ts --megabytes 4 --clients 2 --rounds 1', /MB/],
  ['network/soak.ts --rounds 8', /MB in 100 rounds/],
];

describe('benches', () => {
  it.each(BENCHES)('%s ends with its figures', async (line, figures) => {
    const [file = '', ...args] = line.split(' ');
    const script = fileURLToPath(new URL(`../../bench/${file}`, import.meta.url));
    const { stdout } = await run(process.execPath, [script, ...args]);
    expect(stdout).toMatch(figures);
  });
});
