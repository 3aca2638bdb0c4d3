// Serves the page of a report on loopback. The page updates by server-sent events (the HTML standard, 9.2): an
// event says that there is a new report, which the page then fetches.
//
// Other users of the machine reach loopback, too, and paths may be secret: the address has a part that cannot be guessed.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { toData, toPage } from '../../report/render-html';
import type { Report } from '../../report/report';
import { inputErrorReason } from '../input-files';
import { UsageError } from '../usage-error';
import type { LiveView } from './live-report';

export interface PageServer extends LiveView {
  readonly address: string;
}

const HOST = '127.0.0.1';

/** So that a connection that broke is noticed. In milliseconds. */
const HEARTBEAT = 15_000;

/** A reader that takes nothing any more, in bytes. */
const MOST_WAITING = 2 ** 16;

const HEADERS = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/** `port` 0: any that is free. Throws UsageError where it cannot be taken. */
export async function servePage(port: number, first: Report): Promise<PageServer> {
  const folder = `/${randomBytes(16).toString('base64url')}/`;
  const readers = new Set<http.ServerResponse>();
  let report = first;
  let version = 0;
  const server = http.createServer(answer);
  const heartbeat = setInterval(() => send(':\n\n'), HEARTBEAT);
  try {
    await listen(server, port);
  } catch (error) {
    clearInterval(heartbeat);
    throw new UsageError(`port ${port} of ${HOST} cannot be used: ${inputErrorReason(error)}`);
  }

  return {
    address: `http://${HOST}:${(server.address() as AddressInfo).port}${folder}`,
    staysOpen: true,
    show(next) {
      report = next;
      version++;
      send(event('report', version));
    },
    async end(last) {
      clearInterval(heartbeat);
      report = last;
      send(event('end', version));
      for (const reader of readers) reader.end();
      const closed = new Promise(resolve => server.close(resolve));
      server.closeIdleConnections();
      // A reader that does not take the end.
      setTimeout(() => server.closeAllConnections(), 200).unref();
      await closed;
    },
  };

  function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', `http://${HOST}`);
    if (request.method !== 'GET') refuse(response, 405, 'expected GET');
    else if (pathname === folder) reply(response, 'text/html', toPage(report, version));
    else if (pathname === `${folder}report.json`)
      reply(response, 'application/json', toData(report, version));
    else if (pathname === `${folder}events`) addReader(response);
    else refuse(response, 404, 'expected the address that closefds printed');
  }

  function addReader(response: http.ServerResponse): void {
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
    response.write(`retry: 1000\n\n${event('report', version)}`);
    readers.add(response);
    response.on('close', () => readers.delete(response));
  }

  function send(text: string): void {
    for (const reader of readers) {
      if (reader.writableLength > MOST_WAITING) reader.destroy();
      else reader.write(text);
    }
  }
}

function event(name: string, version: number): string {
  return `event: ${name}\ndata: ${version}\n\n`;
}

function reply(response: http.ServerResponse, type: string, text: string): void {
  response.writeHead(200, { ...HEADERS, 'Content-Type': `${type}; charset=utf-8` });
  response.end(text);
}

function refuse(response: http.ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

function listen(server: http.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => resolve());
  });
}
