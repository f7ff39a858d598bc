import { type ResponderState, responderStates } from '../../fleet/responder.js';
import { accessOf } from '../access.js';
import type { RouteContext } from '../context.js';
import { bareFleetBoard, type FleetView, fleetBoard } from '../fleet-page/board.js';
import { bareFleetParts, fleetParts } from '../fleet-page/parts.js';
import { jsonRendering } from '../json.js';
import { hasSlash, livePageRoutes, type PageRoutes } from '../live-page.js';
import { type Get, type Route, redirect } from '../route.js';

/**
 * `GET /fleet`: the responders of a fleet, updated with the server-sent events of `GET /fleet/events`. Both accept
 * `?state=` as a filter. `GET /fleet.json`: the data. Clients without access to detail receive only the number of
 * responders per state.
 */
export function fleetRoutes(context: RouteContext, fleet: FleetView, maxViewers?: () => number): PageRoutes {
  const { clock, renderings } = context;
  const { page, events, login, end } = livePageRoutes(context, {
    path: 'fleet',
    parts: (view, access) =>
      access ? bareFleetParts(fleet, access) : fleetParts(fleet, { wall: clock.wall(), only: onlyOf(view) }),
    viewOf,
    onChange: (listener) => fleet.onChange(listener),
    maxViewers,
  });

  const atPath: Route = async (request) => (hasSlash(request) ? redirect(308, '../fleet') : page(request));

  const json: Route = async (request) => {
    const detail = accessOf(context, request) === 'detail';
    const rendering = await renderings.of(`fleet.json ${detail}`, async () =>
      jsonRendering(detail ? fleetBoard(fleet) : bareFleetBoard(fleet)),
    );
    return renderings.reply(request, rendering);
  };

  return {
    routes: [
      ['/fleet', atPath],
      ['/fleet.json', json],
      ['/fleet/login', login],
      ['/fleet/events', events],
    ],
    end,
  };
}

function viewOf({ query: { state } }: Get): string {
  return responderStates.some((known) => known === state) ? `?state=${state}` : '';
}

function onlyOf(view: string): ResponderState | undefined {
  return responderStates.find((state) => view === `?state=${state}`);
}
