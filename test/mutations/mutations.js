// What is broken, one rule at a time, to see that a session of that rule finds it. `find` is text that stands exactly once
// in `file`, below dist, whatever its white space; `name` says what the responder does with `replace` in its place. A rule
// that is not broken here has `why` instead.

const codes = 'wire/codes.js';
const header = 'wire/header.js';
const decoder = 'wire/decoder.js';
const bodies = 'wire/bodies.js';
const encode = 'wire/encode.js';
const frames = 'server/protocol/frames.js';
const lines = 'server/protocol/lines.js';
const detect = 'server/protocol/detect.js';
const watches = 'server/protocol/watches.js';
const negotiated = 'server/protocol/negotiated.js';
const responder = 'server/protocol/responder.js';
const connection = 'server/connection/connection.js';
const timeLimits = 'server/connection/time-limits.js';
const flowControl = 'server/connection/flow-control.js';
const server = 'server/server.js';
const heartbeat = 'liveness/heartbeat.js';
const bucket = 'liveness/token-bucket.js';
const request = 'health/query/request.js';
const queries = 'health/query/queries.js';
const registry = 'health/query/registry.js';
const selections = 'health/query/selections.js';
const subscriptions = 'health/query/subscriptions.js';
const group = 'health/query/group.js';
const member = 'health/member.js';
const monitor = 'health/runs/monitor.js';
const report = 'health/report.js';
const access = 'net/access.js';
const addressBucket = 'net/address-bucket.js';

const broken = (rule, file, name, find, replace) => ({ rule, name, file, find, replace });
const spared = (rule, why) => ({ rule, why });

/** A PONG with status 1 and an id of zeros. */
const pong = "Buffer.from('0000000c010200010000000000000000', 'hex')";
/** An ERROR 1 with FATAL and an id of zeros. */
const error = "Buffer.from('0000000c017f01010000000000000000', 'hex')";

export const mutations = [
  broken('M1', encode, 'writes version 2', 'target[at + 4] = VERSION;', 'target[at + 4] = 2;'),
  broken(
    'M1',
    frames,
    'sets the flag 10 in a PONG',
    'chunk[offset + 5] = FrameType.PONG;',
    'chunk[offset + 5] = FrameType.PONG; chunk[offset + 6] = 0x10;',
  ),
  broken(
    'M2',
    frames,
    'answers a fault with an id of zeros',
    'ErrorFlag.FATAL, decoder.idHigh, decoder.idLow, retryAfterMs)',
    'ErrorFlag.FATAL, 0, 0, retryAfterMs)',
  ),
  broken('M2', encode, 'loses the last octet of an id', 'at + 12, idLow)', 'at + 12, idLow & ~0xff)'),
  broken(
    'M3',
    decoder,
    'forgets the begun header at the next segment',
    'this.end = chunk.length;',
    'this.end = chunk.length; if (this.stage === IN_HEADER) this.stage = BOUNDARY;',
  ),
  broken(
    'M3',
    decoder,
    'writes the second part of a body over the first',
    'this.chunk.copy(body, body.length - this.missing,',
    'this.chunk.copy(body, 0,',
  ),
  broken(
    'M4',
    header,
    'judges the code of a HELLO as a scope',
    'if (type === FrameType.PING && code > Scope.STARTUP)',
    'if (code > Scope.STARTUP)',
  ),
  broken(
    'M4',
    frames,
    'answers HELLO with code 1',
    'encodeFrame({ type: FrameType.HELLO, idHigh,',
    'encodeFrame({ type: FrameType.HELLO, code: 1, idHigh,',
  ),
  broken(
    'M5',
    header,
    'refuses hints that it does not know',
    'if ((flags & rules.unknownFlags[type]) !== 0)',
    'if ((flags & (rules.unknownFlags[type] | (type === FrameType.PING ? 0 : 0xf0))) !== 0)',
  ),
  broken(
    'M5',
    codes,
    'takes bit 7 for a critical flag',
    'export const CRITICAL_FLAGS = 0x0f;',
    'export const CRITICAL_FLAGS = 0x8f;',
  ),
  broken(
    'M6',
    bodies,
    'refuses unknown keys',
    'for (const [key, read] of Object.entries(shape)) {',
    "if (Object.keys(body).some((key) => !(key in shape))) throw new BadBody('unknown key'); for (const [key, read] of Object.entries(shape)) {",
  ),
  broken(
    'M6',
    bodies,
    'refuses unknown keys of a heartbeat',
    '{ return { ...noHeartbeat, ...known(object(value, key), heartbeatShape,',
    "{ if (Object.keys(value).some((name) => !(name in heartbeatShape))) throw new BadBody('unknown key'); return { ...noHeartbeat, ...known(object(value, key), heartbeatShape,",
  ),
  broken('M7', bodies, 'takes what is not UTF-8', 'if (!isUtf8(bytes))', 'if (false)'),
  broken(
    'M7',
    bodies,
    'skips a byte order mark',
    "JSON.parse(bytes.toString('utf8'))",
    "JSON.parse(bytes.toString('utf8').replace(/^\\ufeff/, ''))",
  ),
  broken(
    'M7',
    bodies,
    'takes null for an absent key',
    'if (Object.hasOwn(body, key))',
    'if (Object.hasOwn(body, key) && body[key] !== null)',
  ),
  broken('M7', bodies, 'takes 0 for mult', 'mult: integer(1, 255)', 'mult: integer(0, 255)'),
  broken('M7', bodies, 'takes times beyond 2147483647', '2 ** 31 - 1;', '2 ** 32 - 1;'),
  broken('M7', bodies, 'takes any number of names', 'value.length > MAX_NAMES', 'value.length > 64'),
  broken(
    'M8',
    bodies,
    'refuses a key that stands twice',
    "JSON.parse(bytes.toString('utf8'));",
    `JSON.parse(bytes.toString('utf8')); if (/("\\w+":).*\\1/.test(bytes.toString())) throw new BadBody('twice');`,
  ),
  broken(
    'M8',
    bodies,
    'refuses 5.0 and 1e2',
    "JSON.parse(bytes.toString('utf8'));",
    "JSON.parse(bytes.toString('utf8')); if (/:\\d+(\\.|e)/.test(bytes.toString())) throw new BadBody('no integer');",
  ),
  broken(
    'M8',
    bodies,
    'takes 1.5 for an integer',
    'if (Number.isInteger(value) &&',
    "if (typeof value === 'number' &&",
  ),
  broken(
    'M11',
    connection,
    'greets with a newline',
    "socket.on('close', onClose);",
    "socket.on('close', onClose); socket.write('\\n');",
  ),
  broken(
    'M11',
    connection,
    'greets with a PONG, after 200 ms',
    "socket.on('close', onClose);",
    `socket.on('close', onClose); setTimeout(() => this.session ?? socket.write(${pong}), 200).unref();`,
  ),
  broken(
    'M12',
    detect,
    'answers a first octet that opens no mode with ERROR 1',
    "nor a line'); connection.close('wrong-protocol');",
    `nor a line'); connection.close('wrong-protocol', ${error});`,
  ),
  broken(
    'M12',
    detect,
    'leaves the connection of a TLS handshake open',
    "warnOfTls(connection); connection.close('tls');",
    'warnOfTls(connection);',
  ),
  broken(
    'M13',
    lines,
    'sends ERROR for silence in line mode',
    'finalFrame() { }',
    `finalFrame() { return ${error}; }`,
  ),
  broken(
    'M13',
    timeLimits,
    'sends ERROR for silence before the first octet',
    'return connection.session?.finalFrame(violation);',
    `return connection.session ? connection.session.finalFrame(violation) : ${error};`,
  ),
  broken(
    'M14',
    decoder,
    'takes a newline behind a frame for a length',
    'if (this.chunk[this.position] !== LINE_FEED)',
    'if (true)',
  ),
  broken(
    'M14',
    decoder,
    'skips any number of newlines behind a frame',
    'this.position++; return this.next();',
    'this.position++; this.stage = BEHIND_FRAME; return this.next();',
  ),
  broken(
    'M15',
    frames,
    'sends each PONG twice',
    'this.connection.sendCopy(chunk.subarray(start, end));',
    'this.connection.sendCopy(chunk.subarray(start, end)); this.connection.sendCopy(chunk.subarray(start, end));',
  ),
  broken(
    'M15',
    frames,
    'sends a PONG 1.2 s late',
    'this.connection.sendCopy(chunk.subarray(start, end));',
    'const late = Buffer.from(chunk.subarray(start, end)); setTimeout(() => this.connection.send(late), 1200);',
  ),
  broken(
    'M15',
    frames,
    'forgets the last of several PINGs',
    'this.connection.sendCopy(chunk.subarray(start, end));',
    'this.connection.sendCopy(chunk.subarray(start, end - start > 64 ? end - 16 : end));',
  ),
  broken(
    'M16',
    bodies,
    'asks about the checks of a PING with checks and group',
    'if (body.checks === undefined || body.group === undefined)',
    'if (true)',
  ),
  broken(
    'M16',
    bodies,
    'takes an empty group beside checks for none',
    'if (body.checks === undefined || body.group === undefined)',
    'if (body.checks === undefined || !body.group)',
  ),
  broken(
    'M17',
    responder,
    'answers for what does not exist with 0',
    "'not-found': Status.NOT_FOUND",
    "'not-found': Status.UNKNOWN",
  ),
  broken(
    'M17',
    selections,
    'ignores a name that does not exist among others',
    'if (!names.every((name) => this.members.has(name)))',
    'if (!names.some((name) => this.members.has(name)))',
  ),
  broken(
    'M17',
    queries,
    'takes an empty group for none',
    'group === undefined || group === scope',
    '!group || group === scope',
  ),
  broken(
    'M18',
    queries,
    'answers for liveness what it answers for readiness',
    "case 'liveness': return this.liveness;",
    "case 'liveness': return this.readiness;",
  ),
  broken(
    'M18',
    queries,
    'heeds the checks in the body of a PING for liveness',
    "if (scope === 'liveness' || (checks === undefined",
    'if ((checks === undefined',
  ),
  broken('M19', bodies, 'refuses a time beyond an hour', '2 ** 31 - 1;', '3_600_000;'),
  broken(
    'M19',
    responder,
    'waits as long as it is asked to',
    'timeout: Math.min(body?.timeoutMs ?? timeout, maxTimeout)',
    'timeout: body?.timeoutMs ?? timeout',
  ),
  broken(
    'M20',
    frames,
    'judges what follows CLOSE',
    "this.watches?.endAll(); connection.finish('answered');",
    "this.watches?.endAll(); setImmediate(() => connection.finish('answered'));",
  ),
  broken(
    'M20',
    frames,
    'forgets the PINGs before CLOSE that wait',
    "this.watches?.endAll(); connection.finish('answered');",
    "this.abandon(); connection.finish('answered');",
  ),
  broken(
    'M20',
    frames,
    'keeps the connection after CLOSE',
    'if ((decoder.flags & PingFlag.CLOSE) !== 0)',
    'if (false)',
  ),
  broken(
    'M22',
    responder,
    'sends no report',
    'if ((pingFlags & PingFlag.DETAIL) === 0 ||',
    'if (true ||',
  ),
  broken(
    'M22',
    responder,
    'sends no report where the status is not pass',
    'if ((pingFlags & PingFlag.DETAIL) === 0 ||',
    "if (answer.state !== 'pass' ||",
  ),
  broken(
    'M22',
    responder,
    'echoes DETAIL',
    'const flags = baseFlags | (fits ? 0 : PongFlag.TRUNCATED);',
    'const flags = baseFlags | 1 | (fits ? 0 : PongFlag.TRUNCATED);',
  ),
  broken(
    'M23',
    responder,
    'leaves the checks out and does not say so',
    'const flags = baseFlags | (fits ? 0 : PongFlag.TRUNCATED);',
    'const flags = baseFlags;',
  ),
  broken(
    'M23',
    responder,
    'leaves the causes out too',
    "level === 'full' ? answer.report('causes')",
    "level === 'full' ? Buffer.from(JSON.stringify({ ...JSON.parse(answer.report('causes')), causes: [] }))",
  ),
  broken(
    'M25',
    frames,
    'answers a PONG',
    'case FrameType.PONG: if (',
    `case FrameType.PONG: this.send(${pong}); if (`,
  ),
  broken(
    'M25',
    header,
    'judges the body of a PONG',
    '[FrameType.PONG]: Treatment.SKIPPED',
    '[FrameType.PONG]: Treatment.VALIDATED',
  ),
  broken(
    'M26',
    subscriptions,
    'tells nothing when only the reason of a check changes',
    "${name} ${state} ${reason ?? ''} ${fate ?? ''}",
    "${name} ${state} ${fate ?? ''}",
  ),
  broken(
    'M26',
    subscriptions,
    'tells nothing when only the state of a check changes',
    '...notPassing.map(',
    '...[].map(',
  ),
  broken('M26', watches, 'tells nothing at first', 'stats.watches++; this.sendStatus(watch);', 'stats.watches++;'),
  broken(
    'M26',
    subscriptions,
    'tells of results that are no change',
    'if (signature === this.signature) return;',
    '',
  ),
  broken(
    'M27',
    watches,
    'tells nothing more when the client has read',
    'this.isBlocked = false; this.connection.shared.pushes.add(this);',
    '',
  ),
  broken(
    'M27',
    watches,
    'tells what was the status when the change was noticed',
    'this.due.add(watch); this.connection.shared.pushes.add(this);',
    'const { answer } = watch.watched; watch.watched = { end: () => {}, notifyIfChanged: () => {}, answer }; this.due.add(watch); this.connection.shared.pushes.add(this);',
  ),
  broken(
    'M28',
    watches,
    'keeps the watch whose id is taken',
    'this.cancel(idHigh, idLow); const { maxWatchedSelections }',
    'const { maxWatchedSelections }',
  ),
  broken(
    'M28',
    frames,
    'answers CANCEL',
    'return this.watches?.cancel(idHigh, idLow);',
    "{ this.watches?.cancel(idHigh, idLow); return this.forbid('cancelled'); }",
  ),
  broken('M28', frames, 'ignores CANCEL', 'return this.watches?.cancel(idHigh, idLow);', 'return;'),
  broken(
    'M29',
    frames,
    'sends STATUS after FIN',
    'onFin() { this.watches?.endAll(); }',
    'onFin() { }',
  ),
  broken(
    'M29',
    frames,
    'sends STATUS after CLOSE',
    "this.watches?.endAll(); connection.finish('answered');",
    "connection.finish('answered');",
  ),
  broken(
    'M30',
    frames,
    'closes after a WATCH beyond the limit',
    'this.error(WireError.FORBIDDEN, message, 0, idHigh, idLow)',
    'this.error(WireError.FORBIDDEN, message, 1, idHigh, idLow)',
  ),
  broken('M30', frames, 'takes one WATCH more', 'this.watches.size >= maxWatches', 'this.watches.size > maxWatches'),
  broken(
    'M31',
    queries,
    'refuses a WATCH for what does not exist',
    'const group = existing ?? missing() ?? this.notFound;',
    'if (!existing) return undefined; const group = existing;',
  ),
  broken(
    'M31',
    bodies,
    'takes a WATCH with checks and group',
    'return oneSelection(known(body, watchShape));',
    'return known(body, watchShape);',
  ),
  broken(
    'M32',
    watches,
    'sends the report without DETAIL',
    'detail && connection.mayDetail)',
    'connection.mayDetail)',
  ),
  broken(
    'M32',
    watches,
    'sends the report where it may not be seen',
    'detail && connection.mayDetail)',
    'detail)',
  ),
  broken(
    'M33',
    header,
    'skips a STATUS of a client',
    '[FrameType.STATUS]: Treatment.WRONG_DIRECTION',
    '[FrameType.STATUS]: Treatment.SKIPPED',
  ),
  broken(
    'M33',
    detect,
    'sends a STATUS that nobody asked for',
    "case 'binary': return new BinarySession(connection);",
    "case 'binary': setTimeout(() => connection.send(Buffer.from('0000000c010400010000000000000000', 'hex')), 200).unref(); return new BinarySession(connection);",
  ),
  broken(
    'M34',
    responder,
    'does not tell the idle timeout',
    'idleTimeoutMs: wireMilliseconds(idleTimeout),',
    '',
  ),
  broken(
    'M34',
    negotiated,
    'wants to hear something by the idle timeout itself',
    'Math.floor(idleTimeout / 3)',
    'idleTimeout',
  ),
  broken('M35', header, 'answers a second HELLO', 'if (type === FrameType.HELLO && helloSeen)', 'if (false)'),
  broken(
    'M35',
    header,
    'refuses a second HELLO with ERROR 4',
    "return { code: WireError.PROTOCOL, message: 'A second HELLO",
    "return { code: WireError.UNKNOWN_TYPE, message: 'A second HELLO",
  ),
  broken('M36', frames, 'takes any token', 'if (!digest)', 'if (false)'),
  broken(
    'M36',
    frames,
    'refuses a token that nobody asked for',
    'if (tokens && hello?.token !== undefined) {',
    "if (!tokens && hello?.token !== undefined) return this.closeUnauthenticated('why'); if (tokens && hello?.token !== undefined) {",
  ),
  broken(
    'M37',
    connection,
    'sends GOAWAY to who has said no HELLO',
    "if (this.hello === undefined || this.phase !== 'open')",
    "if (this.phase !== 'open')",
  ),
  broken(
    'M37',
    frames,
    'PINGs who has said no HELLO',
    'this.connection = connection;',
    'this.connection = connection; setTimeout(() => this.sendPing(connection.shared.clock.now()), 200).unref();',
  ),
  broken(
    'M38',
    frames,
    'closes after a GOAWAY of the client',
    'default: // GOAWAY, ERROR and types that may be skipped.',
    "default: if (decoder.type === FrameType.GOAWAY) return connection.finish('answered');",
  ),
  broken(
    'M38',
    header,
    'does not judge a GOAWAY of the client',
    '[FrameType.STATUS]: Treatment.WRONG_DIRECTION',
    '[FrameType.GOAWAY]: Treatment.SKIPPED, [FrameType.STATUS]: Treatment.WRONG_DIRECTION',
  ),
  broken(
    'M39',
    frames,
    'leaves FATAL out',
    'this.error(code, message, ErrorFlag.FATAL,',
    'this.error(code, message, 0,',
  ),
  broken(
    'M39',
    frames,
    'keeps the connection after an ERROR',
    'this.connection.close(reason, frame); } error(',
    'this.send(frame); } error(',
  ),
  broken(
    'M40',
    frames,
    'forgets the PINGs that wait at an ERROR',
    'health.ask({ ...pings.query, timeout: 0 }, (answer) => this.answer(pings, answer));',
    '',
  ),
  broken(
    'M40',
    connection,
    'sends the ERROR before the PONGs',
    'this.session?.settle(); if (finalFrame) this.send(finalFrame);',
    'if (finalFrame) this.send(finalFrame); this.session?.settle();',
  ),
  broken(
    'M42',
    frames,
    'closes after a fatal ERROR of the client',
    'default: // GOAWAY, ERROR and types that may be skipped.',
    "default: if (decoder.type === FrameType.ERROR && decoder.flags & 1) return connection.finish('answered');",
  ),
  broken(
    'M42',
    frames,
    'answers an ERROR of the client with one',
    'default: // GOAWAY, ERROR and types that may be skipped.',
    "default: if (decoder.type === FrameType.ERROR) this.forbid('why');",
  ),
];
export { access, addressBucket, bucket, error, flowControl, group, heartbeat, member, monitor, pong, registry, report, request, server, spared };
