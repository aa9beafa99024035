// The scheduler's HTTP interface as a browser's session uses it: the cookie goes by itself, changes carry the
// session's CSRF token. Every failure is an ApiFailure with the house's code, sentence and hint.
import type { ApiError, Page, Session } from './types';

export class ApiFailure extends Error {
  constructor(
    readonly status: number, // 0: nobody answered
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
  get signedOut(): boolean {
    return this.status === 401;
  }
  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }
}

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

export async function failureOf(response: Response): Promise<ApiFailure> {
  try {
    const said = (await response.json()) as ApiError;
    return new ApiFailure(response.status, said.code, said.message, said.hint);
  } catch {
    return new ApiFailure(response.status, 'http.bad_answer', `HTTP ${response.status}`, '');
  }
}

export class Api {
  private csrf = '';
  // Only in this page's memory: lets it sign in again after a start of the scheduler, which forgets all sessions.
  private token = '';

  constructor(private readonly send: Fetch = (path, init) => fetch(path, init)) {}

  async signIn(token: string): Promise<Session> {
    const session = await this.call<Session>('POST', '/api/v1/session', undefined, {
      Authorization: `Bearer ${token}`,
    });
    this.token = token;
    return this.remember(session);
  }
  async session(): Promise<Session> {
    return this.remember(await this.call<Session>('GET', '/api/v1/session'));
  }
  async signOut(): Promise<void> {
    this.token = '';
    await this.call('DELETE', '/api/v1/session');
    this.csrf = '';
  }
  // After a 401: whether a new session could be opened with what this page remembers.
  async signInAgain(): Promise<Session | null> {
    if (!this.token) return null;
    try {
      return await this.signIn(this.token);
    } catch (error) {
      if (error instanceof ApiFailure && error.signedOut) this.token = '';
      return null;
    }
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }
  post<T>(path: string, body: object = {}): Promise<T> {
    return this.call<T>('POST', path, body);
  }
  // All pages of a list, at most `most` items.
  async all<T>(path: string, most = Infinity): Promise<T[]> {
    const items: T[] = [];
    let after = '';
    const join = path.includes('?') ? '&' : '?';
    while (items.length < most) {
      const page = await this.get<Page<T>>(`${path}${join}limit=1000${after}`);
      items.push(...page.items);
      if (!page.next) break;
      after = `&after=${encodeURIComponent(page.next)}`;
    }
    return items;
  }

  private remember(session: Session): Session {
    this.csrf = session.csrf ?? '';
    return session;
  }
  private async call<T>(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
    const init: RequestInit = { method, headers: { ...headers }, credentials: 'same-origin', cache: 'no-store' };
    const sent = init.headers as Record<string, string>;
    if (method !== 'GET' && this.csrf) sent['X-Framemill-Csrf'] = this.csrf;
    if (body !== undefined) {
      sent['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await this.send(path, init);
    } catch {
      throw new ApiFailure(0, 'http.unreachable', '', '');
    }
    if (!response.ok) throw await failureOf(response);
    return (await response.json()) as T;
  }
}
