// A bare TLS copy, for comparison: `source FILE` writes a file to whoever connects, `sink FILE` writes down what comes.
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { createServer } from 'node:tls';

const [role, file = '', cert = '', key = ''] = process.argv.slice(2);
const server = createServer(
  { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.3' },
  (socket) => {
    const copy =
      role === 'source'
        ? pipeline(createReadStream(file), socket)
        : pipeline(socket, createWriteStream(file)).then(() => socket.end());
    copy.catch((error: unknown) => console.error(error));
  },
);
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
