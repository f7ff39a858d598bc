import { afterEach, describe, expect, it } from '@jest/globals';
import { closeAll, serve } from './served.js';

afterEach(closeAll);

const all = Array.from({ length: 250 }, (_, i) => ({ id: i + 1, mode: 'binary' }));
const connections = async (after: number, limit: number) => all.filter(({ id }) => id > after).slice(0, limit);

async function read(url: string): Promise<[number, { connections?: { id: number }[]; next?: number | null }]> {
  const response = await fetch(url);
  return [response.status, (await response.json()) as { connections?: { id: number }[]; next?: number | null }];
}

describe('GET /connections', () => {
  it('returns the connections in pages', async () => {
    const { url } = await serve({ connections });
    const seen: number[] = [];
    let next: number | null | undefined = 0;
    while (typeof next === 'number') {
      const [status, page] = await read(`${url}/connections?after=${next}`);
      expect(status).toBe(200);
      seen.push(...(page.connections ?? []).map(({ id }) => id));
      next = page.next;
    }
    expect(seen).toEqual(all.map(({ id }) => id));
  });

  it('marks the last page, even if it is full', async () => {
    const { url } = await serve({ connections });
    const [, page] = await read(`${url}/connections?after=150&limit=100`);
    expect(page.connections).toHaveLength(100);
    expect(page.next).toBeNull();
  });

  it.each(['after=x', 'after=-1', 'limit=0', 'limit=1001', 'limit=1&limit=2'])('refuses ?%s', async (query) => {
    const { url } = await serve({ connections });
    expect((await read(`${url}/connections?${query}`))[0]).toBe(400);
  });

  it('is denied to clients without access to detail', async () => {
    const { url } = await serve({ connections, detail: 'never' });
    const [status, body] = await read(`${url}/connections`);
    expect(status).toBe(403);
    expect(body).not.toHaveProperty('connections');
  });
});
