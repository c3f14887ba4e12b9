/**
 * An IP address or host name as people write it before a port: `[::1]`, and an IPv4 address without the prefix that a socket of both
 * families gives it (`::ffff:10.0.0.7`, RFC 4291, 2.5.5.2).
 */
export function addressText(host: string): string {
  const plain = plainAddress(host);
  return plain.includes(':') ? `[${plain}]` : plain;
}

/** An address as such, without brackets. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
