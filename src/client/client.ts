import type { HelloBody } from '../wire/bodies.js';
import { Connection } from './connection.js';
import { validateHelloOptions, validatePingOptions, validateWatchOptions } from './options.js';
import type { HelloOptions, PingOptions } from './requests.js';
import type { Pong } from './responses.js';
import type { Watch, WatchOptions } from './watch.js';

/**
 * One connection to a responder, made by `connect`. Any number of PINGs may be outstanding; PONGs arrive in any order.
 * It validates the options of each call.
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
