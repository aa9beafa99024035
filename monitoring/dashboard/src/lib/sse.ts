// The event stream: server-sent events read from a fetch, since EventSource can neither be told where to resume nor
// say why it was refused. It reconnects by itself, resumes after the last event that was seen, and says how it
// stands.
import { ApiFailure, failureOf, type Fetch } from './api';

export interface SseEvent {
  id: string;
  event: string;
  data: string;
}

// Bytes in any pieces to events. Comments and lone ids count as a sign of life and carry no event.
export class SseParser {
  lastId = '';
  private rest = '';
  private event = '';
  private data: string[] = [];

  feed(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const whole of lines) {
      const line = whole.replace(/\r$/, '');
      if (line === '') {
        if (this.data.length > 0)
          events.push({ id: this.lastId, event: this.event || 'message', data: this.data.join('\n') });
        this.event = '';
        this.data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'id') this.lastId = value;
      else if (field === 'event') this.event = value;
      else if (field === 'data') this.data.push(value);
    }
    return events;
  }
}

export interface StreamHandlers {
  onOpen(): void; // connected, for the first time or again
  onLife(): void; // any bytes
  onEvent(event: SseEvent): void;
  onEnd(failure: ApiFailure): Promise<boolean>; // false: do not try again
}

// Grows from 0.5 s to 8 s, with a spread so that fifty pages do not come back at one moment.
export function retryDelayMs(tries: number, random: number): number {
  return Math.min(8000, 500 * 2 ** Math.min(tries, 10)) * (0.75 + random / 2);
}

export class EventStream {
  private lastId = '';
  private stopped = false;
  private abort = new AbortController();

  constructor(
    private readonly handlers: StreamHandlers,
    private readonly send: Fetch = (path, init) => fetch(path, init),
    private readonly pause: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
  ) {}

  async run(): Promise<void> {
    for (let tries = 0; !this.stopped; tries++) {
      let failure = new ApiFailure(0, 'http.unreachable', '', '');
      try {
        const headers: Record<string, string> = this.lastId ? { 'Last-Event-ID': this.lastId } : {};
        this.abort = new AbortController();
        const init: RequestInit = { headers, credentials: 'same-origin', cache: 'no-store', signal: this.abort.signal };
        const response = await this.send('/api/v1/events', init);
        if (response.ok && response.body) {
          tries = 0;
          await this.read(response.body);
        } else {
          failure = await failureOf(response);
        }
      } catch {
        // The connection broke, or nobody listens: the same as an end.
      }
      if (this.stopped || !(await this.handlers.onEnd(failure))) return;
      await this.pause(retryDelayMs(tries, Math.random()));
    }
  }
  // What came is read to its end and the stream opened anew: after a long sleep of the machine, for instance.
  reconnect(): void {
    this.abort.abort();
  }
  stop(): void {
    this.stopped = true;
    this.abort.abort();
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    this.handlers.onOpen();
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    parser.lastId = this.lastId;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = parser.feed(decoder.decode(value, { stream: true }));
      this.lastId = parser.lastId;
      this.handlers.onLife();
      for (const event of events) this.handlers.onEvent(event);
    }
  }
}
