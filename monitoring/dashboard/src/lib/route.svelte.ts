// Which screen the address names: "#/jobs/12?layer=boards". Filters live in the address, so that a view can be sent
// around.

export interface Route {
  screen: 'tonight' | 'shots' | 'jobs' | 'job' | 'workers' | 'usage' | 'events';
  id: number | null;
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [head = '', id] = path.split('/');
  const number = id !== undefined && /^\d+$/.test(id) ? Number(id) : null;
  const parameters = new URLSearchParams(query);
  if (head === 'jobs' && number !== null) return { screen: 'job', id: number, query: parameters };
  const known = ['shots', 'jobs', 'workers', 'usage', 'events'] as const;
  const screen = known.find((each) => each === head) ?? 'tonight';
  return { screen, id: null, query: parameters };
}

class Router {
  route = $state.raw<Route>(parseRoute(location.hash));
  constructor() {
    window.addEventListener('hashchange', () => (this.route = parseRoute(location.hash)));
  }
  go(path: string): void {
    location.hash = path;
  }
  // Changes filters without a step in the browser's history.
  setQuery(changes: Record<string, string>): void {
    const query = new URLSearchParams(this.route.query);
    for (const [key, value] of Object.entries(changes)) value ? query.set(key, value) : query.delete(key);
    const path = location.hash.split('?')[0] || '#/';
    const text = query.toString();
    history.replaceState(null, '', path + (text ? `?${text}` : ''));
    this.route = parseRoute(location.hash);
  }
}

export const router = new Router();
