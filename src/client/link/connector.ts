import type { Clock } from '../../common/clock.js';
import type { Address } from '../../net/address.js';
import type { HelloBody } from '../../wire/bodies.js';
import { Client } from '../client.js';
import { openConnection } from '../open.js';
import type { HelloOptions, PingOptions } from '../requests.js';
import type { Pong } from '../responses.js';
import type { LinkOptions } from './link-options.js';

/** A connection whose server has responded to the HELLO. */
export interface Opened {
  readonly client: Client;
  readonly hello: HelloBody;
}

/** The options that determine the checks that the PINGs of a link query. */
export function selectionOf({
  scope = 'readiness',
  checks,
  group,
}: LinkOptions): Pick<PingOptions, 'scope' | 'checks' | 'group'> {
  return { scope, ...(checks && { checks }), ...(group !== undefined && { group }) };
}

/** Opens the connections of a link. */
export class Connector {
  constructor(
    private readonly options: LinkOptions,
    private readonly context: {
      readonly clock: Clock;
      /** Aborts when the link is closed. */
      readonly signal: AbortSignal;
      /** Heartbeat that is offered in HELLO. */
      readonly heartbeat: NonNullable<HelloOptions['heartbeat']>;
    },
  ) {}

  /** Connects to `address`, sends HELLO and waits for the server's HELLO. */
  open(address: Address): Promise<Opened> {
    const attempt = () => this.connect(address);
    return this.options.attempts ? this.options.attempts.run(attempt) : attempt();
  }

  private async connect(address: Address): Promise<Opened> {
    const { connectTimeout, keepAlive, name, health } = this.options;
    const { token, tls } = this.options.identity?.() ?? this.options;
    const { clock, signal, heartbeat } = this.context;
    const client = await openConnection(Client, address, {
      clock,
      signal,
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(keepAlive && { keepAlive }),
      ...(tls && { tls }),
    });
    if (health) client.health = health;
    try {
      const identity = { ...(name !== undefined && { name }), ...(token !== undefined && { token }) };
      const hello = await client.hello({ heartbeat, signal, ...identity });
      // The server may have closed the connection right after its HELLO.
      if (client.ended) throw client.ended;
      return { client, hello };
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** Same as `open`, but returns undefined if that fails or the first PONG is not usable. */
  async openUsable(address: Address, isUsable: (pong: Pong) => boolean): Promise<Opened | undefined> {
    const selection = selectionOf(this.options);
    let opened: Opened | undefined;
    try {
      opened = await this.open(address);
      if (isUsable(await opened.client.ping({ ...selection, signal: this.context.signal }))) return opened;
    } catch {
      // The next probe will try again.
    }
    opened?.client.destroy();
    return undefined;
  }
}
