import { redactor } from '../common/redact.js';
import { accessOf, promptForToken } from './access.js';
import type { RouteContext } from './context.js';
import { type Get, type Route, redirect } from './route.js';
import { Live } from './status-page/live.js';
import { type LivePage, loadPage } from './status-page/page.js';
import type { Parts } from './status-page/parts.js';
import type { DetailAccess } from './status-page/sections.js';

const EVENT_STREAM = 'text/event-stream';
const redact = redactor([]);

export interface LivePageOptions {
  /** Path of the page without a trailing slash. Its events are at `PATH/events`, its login at `PATH/login`. */
  readonly path: string;
  /**
   * Renders the parts of the page for a view.
   *
   * @param access why the viewer may not see detail; undefined if the viewer may.
   */
  parts(view: string, access: DetailAccess | undefined): Parts;
  /**
   * Returns the view that a viewer with access to detail selects, as a URL query. The number of different views is
   * limited.
   */
  viewOf(request: Get): string;
  /** Called before the page is rendered in response to a request. */
  refresh?(): Promise<void>;
  /** Calls `listener` on each change. Returns a function that unsubscribes it. */
  onChange(listener: () => void): () => void;
  readonly maxViewers: (() => number) | undefined;
}

/** Routes of a page that is updated with server-sent events. */
export interface LivePageRoutes {
  readonly page: Route;
  readonly events: Route;
  /** Prompts for a token, then redirects to the page. */
  readonly login: Route;
  /** Ends all event streams. */
  end(): void;
}

/** Routes of a page and its data, by path. */
export interface PageRoutes {
  readonly routes: readonly (readonly [path: string, Route])[];
  /** Ends all event streams. */
  end(): void;
}

export function livePageRoutes(context: RouteContext, options: LivePageOptions): LivePageRoutes {
  const { access, clock, log, renderings } = context;
  const { path, parts, viewOf, refresh, onChange, maxViewers } = options;
  const login = () => (access.detail === 'token' && access.tokens ? `${path}/login` : undefined);
  const partsFor = (view: string, detail: boolean) =>
    parts(view, detail ? undefined : { mode: access.detail, login: login() });
  const seesDetail = (request: Get) => accessOf(context, request) === 'detail';
  const live = new Live(clock, renderings.turns, partsFor, maxViewers, (error) =>
    log?.error({ error: redact(error) }, 'the live page cannot be rendered'),
  );
  const unsubscribe = onChange(() => live.changed());
  let loading: Promise<LivePage> | undefined;

  return {
    async page(request) {
      const detail = seesDetail(request);
      const view = detail ? viewOf(request) : '';
      loading ??= loadPage();
      const { contentSecurityPolicy, render } = await loading;
      const rendering = await renderings.of(`${path} ${detail} ${view}`, async () => {
        await refresh?.();
        const page = render(partsFor(view, detail), `${path}/events${view}`, clock.wall());
        return { type: 'text/html; charset=utf-8', body: Buffer.from(page) };
      });
      return renderings.reply(request, rendering, 200, {
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    },

    async events(request) {
      const { raw, response } = request;
      const headers = {
        'content-type': EVENT_STREAM,
        'cache-control': 'no-store',
        // Without this header, a buffering proxy would delay the events.
        'x-accel-buffering': 'no',
      };
      // A pipelined stream would wait for the previous response, and would not notice that the connection has ended.
      if (raw.method === 'HEAD' || !response.socket) return { status: 200, headers, body: Buffer.alloc(0) };
      const detail = seesDetail(request);
      response.writeHead(200, headers);
      live.add(response, () => seesDetail(request), detail ? viewOf(request) : '');
      return undefined;
    },

    async login(request) {
      if (login() && !seesDetail(request)) return promptForToken();
      return redirect(302, `${hasSlash(request) ? '../' : ''}../${path}`);
    },

    end() {
      unsubscribe();
      live.end();
    },
  };
}

/**
 * Whether the path ends with a slash. Links on a page are relative to its parent path, so each page has only one form
 * of its path.
 */
export function hasSlash({ path }: Get): boolean {
  return path.endsWith('/');
}
