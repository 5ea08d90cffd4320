import { z } from 'zod';

/** Hosts, addresses and URLs in the settings, and whether they stay on this machine. */

const HOST =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const IPV6 = /^[0-9A-Fa-f:]{2,39}$/;

export const hostName = z
  .string()
  .refine(
    (text) => HOST.test(text) || IPV6.test(text),
    'must be a host name or an IP address, without a port',
  );

export const hostPort = z
  .string()
  .refine((text) => splitHostPort(text) !== undefined, 'must be HOST:PORT, such as kafka-1.example:9093');

/** An origin only: user, password, path and query have no place in it. */
export const httpOrigin = z
  .string()
  .refine(isOrigin, 'must be an https:// address without user, path or query');

export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const isHost = match?.[1] === undefined ? HOST.test(host) : IPV6.test(host);
  return isHost && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** Names that cannot leave this machine. `0.0.0.0` can: it listens everywhere. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Whether an endpoint would send bytes in clear over a network. */
export function isPlaintextBeyondLoopback(endpoint: string): boolean {
  const url = new URL(endpoint);
  return url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return /^https?:$/.test(url.protocol) && bare && url.pathname === '/';
}
