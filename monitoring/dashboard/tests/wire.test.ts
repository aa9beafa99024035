import { describe, expect, it } from 'vitest';
import { Api, ApiFailure } from '../src/lib/api';
import { EventStream, retryDelayMs, SseParser } from '../src/lib/sse';

const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

describe('the event stream', () => {
  it('is read in any pieces', () => {
    const text = ': hello\n\nid: 3.1-0\nevent: job\ndata: {"a":\ndata: 1}\n\nid: 3.2-0\n\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new SseParser();
      const events = [...parser.feed(text.slice(0, cut)), ...parser.feed(text.slice(cut))];
      expect(events).toEqual([{ id: '3.1-0', event: 'job', data: '{"a":\n1}' }]);
      expect(parser.lastId).toBe('3.2-0');
    }
  });
  it('resumes after the last event, and stops when it is told to', async () => {
    const asked: (string | undefined)[] = [];
    const seen: string[] = [];
    const replies = ['id: 1.1-0\ndata: a\n\n', 'id: 1.2-0\ndata: b\n\n', ''];
    const stream = new EventStream(
      { onOpen() {}, onLife() {}, onEvent: (event) => seen.push(event.data), onEnd: async () => asked.length < 3 },
      async (_path, init) => {
        asked.push((init?.headers as Record<string, string>)['Last-Event-ID']);
        return new Response(replies[asked.length - 1]);
      },
      async () => undefined,
    );
    await stream.run();
    expect(asked).toEqual([undefined, '1.1-0', '1.2-0']);
    expect(seen).toEqual(['a', 'b']);
  });
  it('says why it was refused', async () => {
    const ends: string[] = [];
    const stream = new EventStream(
      { onOpen() {}, onLife() {}, onEvent() {}, onEnd: async (failure) => (ends.push(failure.code), false) },
      async () => answer(401, { code: 'auth.missing', message: '', field: '', hint: '' }),
    );
    await stream.run();
    expect(ends).toEqual(['auth.missing']);
  });
  it('waits longer each time, within a bound', () => {
    expect(retryDelayMs(0, 0.5)).toBe(500);
    expect(retryDelayMs(2, 0.5)).toBe(2000);
    expect(retryDelayMs(99, 1)).toBe(10_000);
  });
});

describe('the API', () => {
  it('sends the CSRF token with changes alone, and the token at sign-in alone', async () => {
    const sent: [string, Record<string, string>][] = [];
    const api = new Api(async (path, init) => {
      sent.push([`${init?.method} ${path}`, init?.headers as Record<string, string>]);
      return answer(200, { principal: 'ana', role: 'artist', csrf: 'c1', expires: null, items: [], next: null });
    });
    await api.signIn('secret');
    await api.get('/api/v1/jobs');
    await api.post('/api/v1/jobs/1/cancel', { reason: '' });
    expect(sent.map(([what]) => what)).toEqual([
      'POST /api/v1/session',
      'GET /api/v1/jobs',
      'POST /api/v1/jobs/1/cancel',
    ]);
    expect(sent[0]![1].Authorization).toBe('Bearer secret');
    expect(sent[1]![1]).toEqual({});
    expect(sent[2]![1]['X-Framemill-Csrf']).toBe('c1');
    expect(sent[2]![1].Authorization).toBeUndefined();
  });
  it('turns every refusal into its code and sentence', async () => {
    const api = new Api(async () => answer(409, { code: 'job.final', message: 'job 1 is done', field: '', hint: 'h' }));
    await expect(api.post('/x')).rejects.toMatchObject({
      status: 409,
      code: 'job.final',
      message: 'job 1 is done',
      hint: 'h',
    });
    const html = new Api(async () => new Response('<html>', { status: 502 }));
    await expect(html.get('/x')).rejects.toMatchObject({ status: 502, unreachable: true });
    const gone = new Api(async () => Promise.reject(new TypeError('no')));
    await expect(gone.get('/x')).rejects.toMatchObject({ status: 0, unreachable: true });
  });
  it('reads a list to its end, and no further than asked', async () => {
    const pages = (path: string) =>
      path.includes('after=3') ? { items: [4], next: null } : { items: [1, 2, 3], next: '3' };
    const api = new Api(async (path) => answer(200, pages(path)));
    expect(await api.all('/x')).toEqual([1, 2, 3, 4]);
    expect(await api.all('/x', 2)).toEqual([1, 2, 3]);
  });
  it('opens a new session with what it remembers, unless the token has ended', async () => {
    let status = 200;
    const api = new Api(async () =>
      answer(status, status === 200 ? { csrf: 'c' } : { code: 'auth.expired', message: '', hint: '' }),
    );
    expect(await api.signInAgain()).toBeNull();
    await api.signIn('secret');
    expect(await api.signInAgain()).not.toBeNull();
    status = 401;
    expect(await api.signInAgain()).toBeNull();
    status = 200;
    expect(await api.signInAgain()).toBeNull();
    expect(new ApiFailure(401, '', '', '').signedOut).toBe(true);
  });
});
