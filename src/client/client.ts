import type { HelloBody } from '../wire/bodies.js';
import { Connection } from './connection.js';
import { validateHelloOptions, validatePingOptions, validateWatchOptions } from './options.js';
import type { HelloOptions, PingOptions } from './requests.js';
import type { Pong } from './responses.js';
import type { Watch, WatchOptions } from './watch.js';

/**
 * One connection to a responder, opened with `connect`. Several PINGs can be outstanding, and PONGs can arrive in any order.
 * The options of each call are validated.
 */
export class Client extends Connection {
  override async ping(options?: PingOptions): Promise<Pong> {
    return super.ping(options === undefined ? {} : validatePingOptions(options));
  }

  override async hello(options: HelloOptions = {}): Promise<HelloBody> {
    return super.hello(validateHelloOptions(options));
  }

  override watch(options: WatchOptions = {}): Watch {
    return super.watch(validateWatchOptions(options));
  }
}
