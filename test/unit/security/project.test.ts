import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endpointOf, serverAddress } from '../../../src/runtime/security/kit/endpoint.ts';
import {
  projectNotes,
  readParticipant,
  readProject,
  serverOf,
} from '../../../src/runtime/security/project/read-project.ts';
import { SAMPLE_PROJECT } from '../../../src/runtime/security/project/sample.ts';
import { serverNames } from '../../../src/runtime/security/project/schema.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function write(text: string): Promise<string> {
  count += 1;
  const path = join(root, `project-${count}.yml`);
  await writeFile(path, text);
  return path;
}

const SERVER = '  - {name: hub.example.org, type: server, org: uni}\n';
const head = 'api_version: 3\nname: brain\nparticipants:\n';
const read = async (text: string) => readProject(await write(text));

describe('readProject', () => {
  it('reads the sample', async () => {
    const project = await read(SAMPLE_PROJECT);
    expect(project.participants.map(({ name, type }) => `${type} ${name}`)).toEqual([
      'server server.example.org',
      'client site-1',
      'client site-2',
      'admin admin@example.org',
      'admin researcher@example.org',
    ]);
    expect(projectNotes(project)).toEqual([]);
  });

  it("takes a project file of nvflare's and names what has no effect", async () => {
    const project = await read(`api_version: 4
name: example
description: from nvflare
scheme: http
connection_security: mtls
studies: {}
builders:
  - path: nvflare.lighter.impl.workspace.WorkspaceBuilder
participants:
  - {name: server1, type: server, org: nvidia, fed_learn_port: 8002, admin_port: 8003}
  - {name: site-1, type: client, org: nvidia, capacity: {num_of_gpus: 0}}
`);
    expect(projectNotes(project)).toEqual([
      'Without effect here: scheme, builders, studies, admin_port, capacity.',
      'No project_admin yet; --add-user adds one.',
    ]);
  });

  it('keeps the address it listens on apart from the one it is reached at', async () => {
    const project = await read(`${head}  - name: hub
    type: server
    org: uni
    default_host: fl.hospital.example
    fed_learn_port: 443
    listening_host: 10.0.0.5
    listening_port: 8443
    host_names: [203.0.113.7]
  - {name: site-1, type: client, org: a}
  - {name: site-2, type: client, org: b, connect_to: {host: 203.0.113.7, port: 9443}}
`);
    const [server, near, far] = project.participants.map((one) => endpointOf(project, one));
    expect(server).toMatchObject({
      listen: { host: '10.0.0.5', port: 8443 },
      advertised: { host: 'fl.hospital.example', port: 443 },
    });
    expect(near && serverAddress(near)).toEqual({ host: 'fl.hospital.example', port: 443 });
    expect(far && serverAddress(far)).toEqual({ host: '203.0.113.7', port: 9443 });
    expect(serverNames(serverOf(project))).toEqual(['fl.hospital.example', 'hub', '203.0.113.7']);
  });

  it.each([
    ['an unknown key', `${head}${SERVER}naem: x\n`, "unknown key 'naem'. Did you mean 'name'?", 5, 1],
    [
      'an unknown key of a participant',
      `${head}${SERVER}  - {name: s, type: client, orgg: a}\n`,
      "unknown key 'participants.1.orgg'. Did you mean 'org'?",
      5,
      29,
    ],
    [
      'a type that is none',
      `${head}${SERVER}  - {name: s, type: clinet, org: a}\n`,
      "is 'clinet': use server, client, admin. Did you mean 'client'?",
      5,
      21,
    ],
    [
      'a role that is none',
      `${head}${SERVER}  - {name: a@b.org, type: admin, org: a, role: leed}\n`,
      "Did you mean 'lead'?",
      5,
      48,
    ],
    [
      'an admin without a role',
      `${head}${SERVER}  - {name: a@b.org, type: admin, org: a}\n`,
      "'participants.1.role' is missing",
      5,
      5,
    ],
    [
      'a role at a site',
      `${head}${SERVER}  - {name: s, type: client, org: a, role: lead}\n`,
      "unknown key 'participants.1.role'",
      5,
      37,
    ],
    ['a second server', `${head}${SERVER}${SERVER.replace('hub', 'two')}`, 'is a second server', 5, 35],
    [
      'one name twice, but for its case',
      `${head}${SERVER}  - {name: site, type: client, org: a}\n  - {name: Site, type: client, org: a}\n`,
      "'Site' is the name of participants.1 already",
      6,
      12,
    ],
    ['no server', `${head}  - {name: s, type: client, org: a}\n`, 'has no server', 4, 3],
    ['nobody', 'api_version: 3\nname: brain\nparticipants: []\n', 'holds nobody', 3, 15],
    ['no name', `api_version: 3\nparticipants:\n${SERVER}`, "'name' is missing", 1, 1],
    ['a version that is none', `${head.replace('3', '2')}${SERVER}`, 'must be 3 or 4', 1, 14],
    [
      'a path for a name',
      `${head}${SERVER}  - {name: ../x, type: client, org: a}\n`,
      "'participants.1.name' use up to 64",
      5,
      12,
    ],
    [
      'a word that commands use',
      `${head}${SERVER}  - {name: server, type: client, org: a}\n`,
      'take another',
      5,
      12,
    ],
    [
      'a host that is none',
      `${head}  - {name: hub, type: server, org: a, default_host: "a b"}\n`,
      'neither a host name nor an IP address',
      4,
      53,
    ],
    [
      'a server nobody can name',
      `${head}  - {name: my_hub, type: server, org: a}\n`,
      "the name 'my_hub' is no host name",
      4,
      5,
    ],
    [
      'a port that is none',
      `${head}  - {name: hub, type: server, org: a, fed_learn_port: 70000}\n`,
      '65535',
      4,
      55,
    ],
    [
      'an address the certificate would not be good for',
      `${head}${SERVER}  - {name: s, type: client, org: a, connect_to: {host: 10.1.1.1}}\n`,
      "add it to host_names of 'hub.example.org'",
      5,
      56,
    ],
    ['TLS at one end only', `connection_security: tls\n${head}${SERVER}`, 'must be mtls', 1, 22],
  ])('refuses %s, with its place', async (_, text, message, line, column) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'NF_PROJECT_INVALID',
      message: expect.stringContaining(message),
      place: { line, column },
    });
    // Nothing points at what is not there.
    const pointed = await read(text).catch(({ place }) => place.excerpt?.includes('^') ?? false);
    expect(pointed).toBe(!message.includes('is missing'));
  });

  it.each(['CON', 'nul', 'com1', 'aux.site', 'site-2.'])(
    'refuses the name %s, which no folder of Windows can have',
    async (name) => {
      const text = `${head}${SERVER}  - {name: ${name}, type: client, org: a}\n`;
      await expect(read(text)).rejects.toThrow(/folder on Windows/);
    },
  );

  it('refuses what is no YAML, no map, or a bomb', async () => {
    await expect(read('a: [1\n')).rejects.toMatchObject({ code: 'NF_PROJECT_YAML', place: { line: 2 } });
    await expect(read('- 1\n')).rejects.toMatchObject({ code: 'NF_PROJECT_INVALID' });
    const level = (name: string, of: string) =>
      `${name}: &${name} [${Array(10).fill(`*${of}`).join(', ')}]\n`;
    const bomb = `a: &a [x, x]\n${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}${level('e', 'd')}`;
    await expect(read(bomb)).rejects.toMatchObject({ code: 'NF_PROJECT_YAML' });
  });

  it('names the way to a sample when there is no file', async () => {
    await expect(readProject(join(root, 'none.yml'))).rejects.toMatchObject({
      code: 'NF_PROJECT_NOT_FOUND',
      hint: expect.stringContaining('--generate'),
    });
  });
});

describe('readParticipant', () => {
  it("reads nvflare's file for one more", async () => {
    const path = await write('name: site-9\norg: hospital\n');
    expect(await readParticipant(path, 'client')).toMatchObject({ name: 'site-9', type: 'client' });
  });

  it('refuses another type than the flag says', async () => {
    const path = await write('name: site-9\ntype: client\norg: hospital\n');
    await expect(readParticipant(path, 'admin')).rejects.toMatchObject({
      code: 'NF_PROJECT_INVALID',
      place: { line: 2 },
    });
  });
});
