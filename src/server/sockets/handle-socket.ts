import type { Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { chain, type DirectSocket, READ_BYTES, type SocketOwner } from './connection-socket.js';

/*
 * Sockets without Node's streams. This file contains all uses of undocumented members: `process.binding`, the handle of
 * a listener, and the handles of its connections. If any of them is missing, `acceptHandles` does nothing and the
 * listener creates `node:net` sockets. https://nodejs.org/api/deprecations.html#dep0111-processbinding
 */

const kSocket = Symbol('socket');
const UV_EOF = -4095;

/** A write or shutdown that is not completed immediately. */
interface Request {
  oncomplete(this: Request, status: number): void;
  socket: HandleSocket | undefined;
  /** Prevents the written buffers from being garbage collected. */
  bytes: unknown;
  sent: (() => void) | undefined;
  /** Node >= 26: status of a write that was completed before `oncomplete` was set. */
  writeStatus?: number | null;
}

/** The handle of an accepted connection. */
interface Handle {
  [kSocket]: HandleSocket;
  onread: () => void;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Number of bytes that the kernel has not accepted. */
  readonly writeQueueSize: number;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Buffer): void;
  /** Returns 0 or an error. Node >= 26 creates the request itself if one is needed, and returns it. */
  writeBuffer(request: Request | null, bytes: Uint8Array): number | Request;
  writev(request: Request | null, parts: readonly Uint8Array[], areBuffers: true): number | Request;
  shutdown(request: Request): number;
  close(closed: (this: Handle) => void): void;
  /** Undefined for a Unix socket, as are the next three methods. */
  reset?(closed: (this: Handle) => void): number;
  getpeername?(result: { address?: string; port?: number }): number;
  setNoDelay?(enable: boolean): number;
  setKeepAlive?(enable: boolean, idle: number, interval?: number, count?: number): number;
}

interface StreamBinding {
  WriteWrap: new () => Request;
  ShutdownWrap: new () => Request;
  /** Results of the last call or event, at the indices below. */
  streamBaseState: Int32Array;
  kReadBytesOrError: number;
  kLastWriteWasAsync: number;
  /** Node >= 26. */
  kLastWriteErr?: number;
}

/** Undefined on a Node version that does not provide it or does not allow it. */
function streamBinding(): StreamBinding | undefined {
  const { noDeprecation } = process;
  try {
    // The warning of --pending-deprecation is for users who can act on it. With --no-deprecation, `noDeprecation` is
    // read-only.
    if (!noDeprecation) process.noDeprecation = true;
    const { binding } = process as unknown as { binding?: (name: string) => Partial<StreamBinding> };
    const stream = binding?.call(process, 'stream_wrap');
    const isComplete =
      typeof stream?.WriteWrap === 'function' &&
      typeof stream.ShutdownWrap === 'function' &&
      typeof stream.kReadBytesOrError === 'number' &&
      typeof stream.kLastWriteWasAsync === 'number' &&
      ArrayBuffer.isView(stream.streamBaseState);
    return isComplete ? (stream as StreamBinding) : undefined;
  } catch {
    return undefined;
  } finally {
    if (noDeprecation === undefined) delete process.noDeprecation;
    else if (!noDeprecation) process.noDeprecation = noDeprecation;
  }
}

const binding = streamBinding();
/** Whether this version of Node provides and allows what is used here. */
export const hasHandles = binding !== undefined;
const {
  streamBaseState: state,
  kReadBytesOrError,
  kLastWriteWasAsync,
  kLastWriteErr,
} = binding ?? ({} as StreamBinding);

/** Whether the handle has the members that are used here. */
function isUsable(handle: object): boolean {
  const methods = ['readStart', 'readStop', 'useUserBuffer', 'writeBuffer', 'writev', 'shutdown', 'close'];
  const numbers = ['bytesRead', 'bytesWritten', 'writeQueueSize'];
  const typeOf = (name: string) => typeof (handle as Record<string, unknown>)[name];
  return methods.every((name) => typeOf(name) === 'function') && numbers.every((name) => typeOf(name) === 'number');
}

/** A listener whose `_handle` calls `onconnection` for each connection. */
interface Listener extends Server {
  _handle?: { onconnection?: (this: unknown, error: number, handle?: Handle) => void } | null;
}

/**
 * Makes a listening `listener` emit 'connection' with a HandleSocket instead of a `net.Socket`, for each address for
 * which `isWanted` returns true. Has no effect on a Node version without these internals.
 */
export function acceptHandles(listener: Server, isWanted: (address: string | undefined) => boolean): void {
  const { _handle } = listener as Listener;
  const original = _handle?.onconnection;
  if (!binding || !_handle || typeof original !== 'function') return;
  let areUsable: boolean | undefined;
  _handle.onconnection = function (error, handle) {
    if (error === 0 && handle) areUsable ??= isUsable(handle);
    if (areUsable && error === 0 && handle) {
      const peer: { address?: string; port?: number } = {};
      handle.getpeername?.(peer);
      if (isWanted(peer.address)) {
        listener.emit('connection', new HandleSocket(handle, peer.address, peer.port) as never);
        return;
      }
    }
    original.call(this, error, handle);
  };
}

/** The buffer into which all connections read. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
/** The view of the last read. The next read often has the same length. */
let readView = readBuffer;

function onRead(this: Handle): void {
  const length = state[kReadBytesOrError] as number;
  const socket = this[kSocket];
  if (length > 0) {
    if (readView.length !== length) readView = readBuffer.subarray(0, length);
    socket.owner?.receive(readView);
  } else if (length === UV_EOF) socket.onEnd();
  else if (length < 0) socket.fail(length);
}

/** The request for the next write that is not completed immediately. Node >= 26 creates it itself. */
let nextRequest: Request | null = null;
if (binding && kLastWriteErr === undefined) nextRequest = newWriteRequest();

function newWriteRequest(): Request {
  const request = new (binding as StreamBinding).WriteWrap();
  request.oncomplete = onWritten;
  return request;
}

function onWritten(this: Request, status: number): void {
  const { socket, sent } = this;
  this.socket = undefined;
  this.bytes = undefined;
  socket?.onWritten(status, sent);
}

function onShutDown(this: Request): void {
  this.socket?.onOutputEnd();
}

function onHandleClosed(this: Handle): void {
  this[kSocket].onHandleClosed();
}

/** Stages of the output: open, `end` was called, FIN is being sent, FIN has been sent. */
const OPEN = 0;
const ENDING = 1;
const SHUTTING_DOWN = 2;
const ENDED = 3;

/**
 * A socket for one connection of a server, based on a libuv handle. It behaves like a half-open `net.Socket` whose
 * chunks are views of a shared buffer, but has no streams or events, because libuv queues the writes. It reads as soon
 * as it has an owner.
 */
export class HandleSocket implements DirectSocket {
  owner: SocketOwner | undefined = undefined;
  destroyed = false;
  private output: number = OPEN;
  private hasInputEnded = false;
  private isReading = false;
  /** Number of writes that are not completed. */
  private pendingWrites = 0;
  private corked: Uint8Array[] | undefined = undefined;
  private onClose: (() => void) | undefined = undefined;

  constructor(
    /** Public for keep-alive. After `destroy`, only its byte counters may be read. */
    public _handle: Handle,
    readonly remoteAddress: string | undefined,
    readonly remotePort: number | undefined,
  ) {
    _handle[kSocket] = this;
    _handle.setNoDelay?.(true);
  }

  get bytesRead(): number {
    return this._handle.bytesRead;
  }

  get bytesWritten(): number {
    return this._handle.bytesWritten;
  }

  get writableLength(): number {
    return this.pendingWrites === 0 ? 0 : this._handle.writeQueueSize;
  }

  get writable(): boolean {
    return this.output === OPEN && !this.destroyed;
  }

  attach(owner: SocketOwner): void {
    this.owner = owner;
    this._handle.onread = onRead;
    this._handle.useUserBuffer(readBuffer);
    this.resume();
  }

  once(_event: 'close', listener: () => void): void {
    this.onClose = chain(this.onClose, listener);
  }

  setKeepAlive(enable: boolean, idle: number, interval?: number, count?: number): void {
    const seconds = (ms: number) => Math.trunc(ms / 1000);
    this._handle.setKeepAlive?.(enable, seconds(idle), interval === undefined ? undefined : seconds(interval), count);
  }

  // -- reading ---------------------------------------------------------------

  pause(): void {
    if (!this.isReading) return;
    this.isReading = false;
    this._handle.readStop();
  }

  resume(): void {
    if (this.isReading || this.hasInputEnded || this.destroyed) return;
    this.isReading = true;
    const error = this._handle.readStart();
    if (error !== 0) this.fail(error);
  }

  onEnd(): void {
    this.hasInputEnded = true;
    this.isReading = false;
    this.owner?.onFin();
    if (this.output === ENDED) this.destroy();
  }

  // -- writing ---------------------------------------------------------------

  write(bytes: Uint8Array, sent?: () => void): boolean {
    if (!this.writable) return false;
    if (this.corked === undefined) this.written(this._handle.writeBuffer(nextRequest, bytes), bytes, sent);
    else this.corked.push(bytes);
    return true;
  }

  cork(): void {
    this.corked = [];
  }

  uncork(): void {
    const parts = this.corked;
    this.corked = undefined;
    if (parts && parts.length > 0 && this.writable) {
      this.written(this._handle.writev(nextRequest, parts, true), parts, undefined);
    }
  }

  /** Handles `result` of writing `bytes`. Usually the kernel has accepted all of them. */
  private written(result: number | Request, bytes: unknown, sent: (() => void) | undefined): void {
    const isAsync = typeof result === 'object' || state[kLastWriteWasAsync] !== 0;
    const error = typeof result === 'object' ? (state[kLastWriteErr as number] as number) : result;
    if (error !== 0) this.fail(error);
    else if (isAsync) this.awaitWrite(typeof result === 'object' ? result : (nextRequest as Request), bytes, sent);
    else if (sent) process.nextTick(sent);
  }

  private awaitWrite(request: Request, bytes: unknown, sent: (() => void) | undefined): void {
    this.pendingWrites++;
    request.socket = this;
    request.bytes = bytes;
    request.sent = sent;
    if (request === nextRequest) nextRequest = newWriteRequest();
    else request.oncomplete = onWritten;
    if (typeof request.writeStatus === 'number') request.oncomplete(request.writeStatus);
  }

  onWritten(status: number, sent: (() => void) | undefined): void {
    this.pendingWrites--;
    if (this.destroyed) return;
    if (status < 0) return this.fail(status);
    sent?.();
    if (this.pendingWrites > 0 || this.destroyed) return;
    if (this.output === ENDING) this.shutDown();
    this.owner?.onProgress();
  }

  /** Sends FIN after everything that was written. */
  end(): void {
    if (!this.writable) return;
    this.output = ENDING;
    if (this.pendingWrites === 0) this.shutDown();
  }

  private shutDown(): void {
    this.output = SHUTTING_DOWN;
    const request = new (binding as StreamBinding).ShutdownWrap();
    request.oncomplete = onShutDown;
    request.socket = this;
    // Any other result means that the shutdown is already complete (1), or that the peer has closed the connection, which
    // a read will report.
    if (this._handle.shutdown(request) !== 0) this.onOutputEnd();
  }

  onOutputEnd(): void {
    this.output = ENDED;
    if (this.hasInputEnded) this.destroy();
  }

  // -- closing ---------------------------------------------------------------

  fail(error: number): void {
    if (this.destroyed) return;
    this.destroy();
    process.nextTick(() => this.owner?.onError(getSystemErrorName(error)));
  }

  destroy(): void {
    this.leaveHandle()?.close(onHandleClosed);
  }

  /** Destroys the connection with RST. */
  resetAndDestroy(): void {
    // libuv rejects a reset while FIN is being sent, and Node would then not close the handle.
    const canReset = this.output !== SHUTTING_DOWN;
    const handle = this.leaveHandle();
    if (canReset && handle?.reset) handle.reset(onHandleClosed);
    else handle?.close(onHandleClosed);
  }

  /** Keeps the counters of the handle, which are lost when the handle is closed. */
  private leaveHandle(): Handle | undefined {
    if (this.destroyed) return undefined;
    this.destroyed = true;
    this.isReading = false;
    const { _handle: handle } = this;
    const { bytesRead, bytesWritten } = handle;
    this._handle = { bytesRead, bytesWritten, writeQueueSize: 0 } as Handle;
    return handle;
  }

  onHandleClosed(): void {
    this.onClose?.();
    this.owner?.onClosed();
  }
}
