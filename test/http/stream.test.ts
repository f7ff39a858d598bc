import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createService, type Service } from '../../src/service/service.js';

let service: Service | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function start(observedValue: Record<string, number> = {}): Promise<string> {
  const run = async () => ({ status: 'pass' as const, observedValue });
  service = createService({ listen: [], http: { port: 0 }, checks: { db: { kind: 'function', run } } });
  await service.start();
  return service.httpAddress as string;
}

describe('the event stream', () => {
  it('is empty behind an unanswered request', async () => {
    const { port } = new URL(await start());
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /status/events HTTP/1.1\r\nhost: x\r\n\r\n');
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.includes('text/event-stream') && text.endsWith('\r\n\r\n')) break;
      expect(text).not.toContain('data: ');
    }
    expect(text.split('text/event-stream')[1]).toContain('content-length: 0');
  });
});

describe('observed values', () => {
  it('may have the names of object properties', async () => {
    const page = await (await fetch(`${await start({ constructor: 1, toString: 2 })}/status`)).text();
    expect(page).toContain('constructor 1, toString 2');
  });
});
