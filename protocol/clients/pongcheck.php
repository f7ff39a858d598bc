<?php

declare(strict_types=1);

/**
 * A client for version 1 of the pongcheck protocol, in one file. Requires PHP 8.1 or newer; TLS also requires ext-openssl.
 *
 * One PING, and a watch:
 *
 *     $client = new Pongcheck\Client('127.0.0.1:7464');
 *     $pong = $client->ping(checks: ['db'], timeout: 0.3, detail: true);
 *     echo $pong->status, $pong->healthy ? ' healthy' : '', "\n";
 *     foreach ($client->watch() as $pong) echo $pong->status, "\n";
 *
 * A persistent connection with heartbeats and reconnects. `step()` never blocks, except to resolve a name, so an event loop timer can
 * call it:
 *
 *     $link = new Pongcheck\Link(['pongs://a.example', 'pongs://b.example'], ['token' => '...', 'ca' => 'ca.pem']);
 *     $step = function () use ($link) {
 *         foreach ($link->step() as $change) error_log("$change->address $change->state: $change->why");
 *     };
 *     Workerman\Timer::add(0.1, $step);         // in onWorkerStart of a Workerman worker
 *     Swoole\Timer::tick(100, $step);           // in onWorkerStart of a Swoole or Hyperf server
 *     if (!$link->healthy()) return ...;        // anywhere in the worker
 *
 * In a Swoole coroutine with SWOOLE_HOOK_ALL, `ping()` and `watch()` suspend the coroutine, not the worker.
 *
 * Addresses: HOST, HOST:PORT, pong://HOST:PORT, pongs://HOST:PORT (TLS), pong+unix:/PATH. IPv6 addresses must be in brackets. Times
 * are in seconds. Errors: Refused (with `name` and `wireCode` of the ERROR), ProtocolError, Timeout, Closed. All are subclasses of
 * Pongcheck\PongcheckError.
 */
namespace Pongcheck;

const PING = 1, PONG = 2, WATCH = 3, STATUS = 4, HELLO = 5, GOAWAY = 6, ERROR = 0x7F;
const SCOPES = ['readiness', 'liveness', 'startup'];
const STATUSES = ['unknown', 'pass', 'warn', 'fail', 'draining', 'starting', 'not-found'];
const ERRORS = [1 => 'protocol', 'version', 'too-large', 'unknown-type', 'bad-body', 'unauthenticated', 'forbidden', 'too-many-pings',
    'idle', 'slow-peer', 'too-many-connections', 'internal', 'stale-peer'];
const MAX_BODY = [PING => 1024, PONG => 65536, WATCH => 4096, STATUS => 65536, HELLO => 4096, GOAWAY => 4096, ERROR => 4096];
const KNOWN_FLAGS = [PING => 3, PONG => 6, WATCH => 3, STATUS => 4, HELLO => 0, GOAWAY => 0, ERROR => 1];
const DETAIL = 1, CLOSE = 2, STALE = 2, FATAL = 1, CANCEL = 1, WATCH_DETAIL = 2;
/** Limit for 32 levels of nesting, because PHP also counts the contents of the innermost level. */
const JSON_DEPTH = 33;
const MAX_MS = 2 ** 31 - 1, CONNECT_TIMEOUT = 5.0, STABLE = 5.0, ONE_HOUR = 3600.0, NO_ID = "\0\0\0\0\0\0\0\0";
/** Maximum number of unsent bytes for a server that does not read. */
const MAX_OUTPUT = 1 << 18;

class PongcheckError extends \RuntimeException
{
    public string $name = 'error';
}

/** There was no answer in time. The connection stays open. */
final class Timeout extends PongcheckError
{
    public string $name = 'timeout';
}

/** The connection has ended or could not be opened. */
final class Closed extends PongcheckError
{
    public string $name = 'closed';
}

/** The server sent invalid data. `wireCode` and `id` are those of the ERROR that describes the fault. */
final class ProtocolError extends PongcheckError
{
    public string $name = 'protocol';

    public function __construct(public readonly int $wireCode, public readonly string $id, string $what)
    {
        parent::__construct("invalid data from the server: $what (" . ERRORS[$wireCode] . ')');
    }
}

/** The server sent an ERROR. `name` is one of ERRORS or "unknown". `retryAfter` is in seconds, or null. */
final class Refused extends PongcheckError
{
    public readonly ?float $retryAfter;

    public function __construct(public readonly int $wireCode, array $body)
    {
        $this->name = ERRORS[$wireCode] ?? 'unknown';
        $this->retryAfter = isset($body['retryAfterMs']) ? $body['retryAfterMs'] / 1000 : null;
        $message = substr(trim((string) json_encode($body['message'] ?? ''), '"'), 0, 200); // escaped: it is text of the other side
        parent::__construct("ERROR $wireCode $this->name" . ($message === '' ? '' : ": $message"));
    }
}

// -- bodies and frames ------------------------------------------------------------------------------------------------

/** A body that is refused because of M7, M82 or M83. */
final class BadBody extends \Exception
{
}

/** Parses and validates a body. Unknown keys are dropped, except in a report. */
function read_body(int $kind, string $octets): array
{
    $body = parse($octets);
    $report = json_decode($octets, true, JSON_DEPTH);
    if ($kind === PONG || $kind === STATUS) {
        return $report;
    }
    $ms = integer(0, MAX_MS);
    $known = match ($kind) {
        PING => known($body, ['checks' => names(...), 'group' => is_string(...), 'maxAgeMs' => $ms, 'timeoutMs' => $ms]),
        HELLO => known($body, ['name' => is_string(...), 'token' => is_string(...), 'heartbeat' => is_object(...),
            'instance' => is_string(...), 'idleTimeoutMs' => $ms]),
        GOAWAY => known($body, ['graceMs' => $ms, 'reconnectAfterMs' => $ms]),
        ERROR => known($body, ['message' => is_string(...), 'retryAfterMs' => $ms]),
    };
    if (isset($known['checks'], $known['group'])) {
        throw new BadBody();
    }
    if ($kind === HELLO) {
        $beat = known($known['heartbeat'] ?? new \stdClass(), ['canSendMs' => $ms, 'wantMs' => $ms, 'mult' => integer(1, 255)]);
        $known['heartbeat'] = $beat + ['canSendMs' => 0, 'wantMs' => 0, 'mult' => 3];
    }
    return $known;
}

/** Parses to objects, to distinguish {} from []. PHP property names cannot begin with a zero byte, so such a key is renamed. */
function parse(string $octets): \stdClass
{
    $body = json_decode($octets, false, JSON_DEPTH);
    if (json_last_error() === JSON_ERROR_INVALID_PROPERTY_NAME) {
        $body = json_decode(str_replace('"\u0000', '"_\u0000', $octets), false, JSON_DEPTH);
    }
    return $body instanceof \stdClass ? $body : throw new BadBody();
}

function known(\stdClass $body, array $shape): array
{
    $known = [];
    foreach ($shape as $key => $isValid) {
        if (property_exists($body, $key)) {
            $known[$key] = $isValid($body->$key) ? $body->$key : throw new BadBody();
        }
    }
    return $known;
}

function integer(int $least, int $most): \Closure
{
    return fn ($value) => (is_int($value) || is_float($value)) && $value >= $least && $value <= $most && floor($value) == $value;
}

function names(mixed $value): bool
{
    return is_array($value) && count($value) >= 1 && count($value) <= 32 && array_filter($value, is_string(...)) === $value;
}

/** Decodes bytes to frames [type, flags, code, id, body], without a socket. Throws ProtocolError at the first byte of a fault. */
final class Decoder
{
    public string $octets = '';
    /** Number of bytes of a skipped frame that have not arrived. */
    public int $skip = 0;
    private bool $helloSeen = false;

    /** @param bool $helloSent whether HELLO was sent. Before that, the server may not send PING, HELLO or GOAWAY. */
    public function __construct(public bool $helloSent = true)
    {
    }

    /** @return \Generator<array{int, int, int, string, ?array}> */
    public function feed(string $data): \Generator
    {
        $this->octets .= $data;
        while (true) {
            $dropped = min($this->skip, strlen($this->octets));
            $this->skip -= $dropped;
            $this->octets = substr($this->octets, $dropped);
            if (strlen($this->octets) < 4) {
                return;
            }
            $length = unpack('N', $this->octets)[1];
            if ($length < 12 || $length > 65548) {
                throw new ProtocolError($length < 12 ? 1 : 3, NO_ID, 'length');
            }
            if (strlen($this->octets) < 16) {
                return;
            }
            ['version' => $version, 'kind' => $kind, 'flags' => $flags, 'code' => $code, 'id' => $id] =
                unpack('Nlength/Cversion/Ckind/Cflags/Ccode/a8id', $this->octets);
            $fault = $this->headerFault($length, $version, $kind, $flags, $code);
            if ($fault !== 0) {
                throw new ProtocolError($fault, $id, 'header');
            }
            if ($kind < 0x80 && strlen($this->octets) < $length + 4) {
                return;
            }
            $body = $kind < 0x80 && $length > 12 ? $this->body($kind, substr($this->octets, 16, $length - 12), $id) : null;
            $this->skip = $length + 4;
            $this->helloSeen = $this->helloSeen || $kind === HELLO;
            yield [$kind, $flags, $code, $id, $body];
        }
    }

    /** Returns the ERROR code for a header, in the order of SPEC "Order of validation", or 0 if the header is valid. */
    private function headerFault(int $length, int $version, int $kind, int $flags, int $code): int
    {
        $unasked = in_array($kind, [PING, HELLO, GOAWAY], true) && !$this->helloSent;
        return match (true) {
            $version !== 1 => 2,
            $kind >= 0x80 => 0,
            !isset(MAX_BODY[$kind]) => 4,
            $length - 12 > MAX_BODY[$kind] => 3,
            ($flags & 15 & ~KNOWN_FLAGS[$kind]) !== 0, $kind === PING && $code > 2, $kind === WATCH, $unasked,
            $kind === HELLO && $this->helloSeen => 1,
            default => 0,
        };
    }

    private function body(int $kind, string $octets, string $id): ?array
    {
        try {
            return read_body($kind, $octets);
        } catch (BadBody) {
            return $kind === ERROR ? null : throw new ProtocolError(5, $id, 'body'); // the code of an ERROR is sufficient
        }
    }
}

// -- one connection ---------------------------------------------------------------------------------------------------

final class Pong
{
    /**
     * @param ?array $report null if it was not requested or is not permitted
     * @param float $seconds time since the PING was sent; 0 for a watch
     */
    public function __construct(
        public readonly string $status,
        public readonly bool $healthy,
        public readonly bool $stale,
        public readonly ?array $report,
        public readonly float $seconds,
    ) {
    }

    public static function of(int $code, int $flags, ?array $body, float $seconds): self
    {
        return new self(STATUSES[$code] ?? 'unknown', $code === 1 || $code === 2, ($flags & STALE) !== 0, $body, $seconds);
    }
}

/** A request that was sent. Call `result()` only when `ready` is true. */
final class Request
{
    public bool $ready = false;
    public Pong|array|PongcheckError|null $outcome = null;
    public readonly float $begun;

    public function __construct(public readonly string $id, public readonly int $answeredBy)
    {
        $this->begun = now();
    }

    public function settle(Pong|array|PongcheckError $outcome): void
    {
        $this->outcome = $outcome;
        $this->ready = true;
    }

    public function result(): Pong|array
    {
        return $this->outcome instanceof PongcheckError ? throw $this->outcome : $this->outcome;
    }
}

/** The current status and its changes. Iterating throws when the connection ends, or when ERROR 7 refuses the watch. */
final class Watch implements \IteratorAggregate
{
    public ?PongcheckError $error = null;
    /** @var list<Pong> */
    public array $updates = [];

    public function __construct(private readonly Client $client, public readonly string $id)
    {
    }

    /** @return \Generator<Pong> waits for each change */
    public function getIterator(): \Generator
    {
        while (true) {
            yield from $this->take();
            if ($this->error ?? $this->client->error) {
                throw $this->error ?? $this->client->error;
            }
            $this->client->poll(1.0);
        }
    }

    /** @return list<Pong> the changes that have arrived, without waiting */
    public function take(): array
    {
        [$updates, $this->updates] = [$this->updates, []];
        return $updates;
    }

    public function cancel(): void
    {
        $this->client->cancel($this);
    }
}

/**
 * One connection. Requests wait for their answers, and `poll()` reads data that arrives between requests. After a HELLO, call `poll()`
 * often while no request is waiting, because it answers the server's PINGs.
 */
final class Client
{
    /** Why the connection has ended. */
    public ?PongcheckError $error = null;
    /** Bodies of the server's HELLO and of its last GOAWAY. */
    public ?array $server = null;
    public ?array $goaway = null;
    /** Monotonic times of the last bytes received and sent. */
    public float $received;
    public float $sent;
    /** @var array<string, Request> unanswered requests, by id */
    public array $pending = [];
    /** @var array<string, Watch> */
    private array $watches = [];
    private Decoder $decoder;
    private string $output = '';
    private int $lastId = 0;
    /** @var resource */
    private $stream;
    /** 'connecting', 'tls' or 'open' */
    private string $phase = 'connecting';
    private bool $isTls = false;

    /**
     * @param array $options token, name, heartbeat (an array, see SPEC.md): sent in a HELLO immediately. ca: a file with the trusted CAs.
     *   tls: additional options for PHP's "ssl" context, such as local_cert and peer_name. timeout: for connecting, default 5.
     *   async: return immediately, and let `poll()` connect.
     * @throws Timeout|Closed
     * @throws \InvalidArgumentException for an invalid address
     */
    public function __construct(public readonly string $address, private readonly array $options = [])
    {
        $this->received = $this->sent = now();
        $this->decoder = new Decoder(false);
        $this->open();
        $introduction = array_intersect_key($options, ['token' => 1, 'name' => 1, 'heartbeat' => 1]);
        if ($introduction !== []) {
            $this->sendHello($introduction);
        }
        $until = now() + ($options['timeout'] ?? CONNECT_TIMEOUT);
        while ($this->phase !== 'open' && !($options['async'] ?? false)) {
            if ($this->error) {
                throw $this->error;
            }
            if (now() >= $until) {
                $this->end($why = new Timeout("$this->address did not accept the connection in time"));
                throw $why;
            }
            $this->poll($until - now());
        }
    }

    /**
     * Sends a PING and waits for its PONG.
     *
     * @param string $scope readiness, liveness or startup
     * @param ?list<string> $checks names of checks; excludes $group
     * @param ?float $maxAge maximum age of the results in seconds; 0 = run the checks now
     * @param ?float $timeout server deadline, after which the server returns the last known status; default 2 s
     * @param ?float $wait time until Timeout is thrown; default $timeout + 0.5
     * @param bool $detail requests the report
     * @param bool $close makes the server close the connection after the PONG
     * @throws Refused|ProtocolError|Timeout|Closed
     */
    public function ping(
        string $scope = 'readiness',
        ?array $checks = null,
        ?string $group = null,
        ?float $maxAge = null,
        ?float $timeout = null,
        ?float $wait = null,
        bool $detail = false,
        bool $close = false,
    ): Pong {
        return $this->waitFor($this->sendPing($scope, $checks, $group, $maxAge, $timeout, $detail, $close), $wait ?? ($timeout ?? 2.0) + 0.5);
    }

    /** Sends a PING. Several may be outstanding: use `waitFor()`, or `poll()` until the request is ready. */
    public function sendPing(
        string $scope = 'readiness',
        ?array $checks = null,
        ?string $group = null,
        ?float $maxAge = null,
        ?float $timeout = null,
        bool $detail = false,
        bool $close = false,
    ): Request {
        $question = ['checks' => $checks, 'group' => $group, 'maxAgeMs' => ms($maxAge), 'timeoutMs' => ms($timeout)];
        return $this->request(PING, PONG, ($detail ? DETAIL : 0) | ($close ? CLOSE : 0), scope($scope), $question);
    }

    /** Sends HELLO (once per connection) and returns the server's HELLO. @param array $introduction token, name, heartbeat */
    public function hello(array $introduction = [], float $wait = 2.5): array
    {
        return $this->waitFor($this->sendHello($introduction), $wait);
    }

    public function sendHello(array $introduction = []): Request
    {
        $this->decoder->helloSent = true;
        return $this->request(HELLO, HELLO, 0, 0, $introduction);
    }

    /** Watches a status: yields the current status and each change. */
    public function watch(string $scope = 'readiness', ?array $checks = null, ?string $group = null, bool $detail = false): Watch
    {
        $watch = new Watch($this, $this->nextId());
        $this->watches[$watch->id] = $watch;
        $question = ['checks' => $checks, 'group' => $group, 'scope' => scope($scope) ?: null];
        $this->send(WATCH, $detail ? WATCH_DETAIL : 0, 0, $watch->id, $question);
        return $watch;
    }

    public function cancel(Watch $watch): void
    {
        if (isset($this->watches[$watch->id])) {
            unset($this->watches[$watch->id]);
            $this->send(WATCH, CANCEL, 0, $watch->id);
        }
    }

    public function waitFor(Request $request, float $wait): Pong|array
    {
        $until = now() + $wait;
        while (!$request->ready) {
            if (now() >= $until) {
                unset($this->pending[$request->id]);
                throw new Timeout("$this->address did not answer within $wait s");
            }
            $this->poll($until - now());
        }
        return $request->result();
    }

    /** Reads and handles data that arrives within $wait seconds. Returns whether there was any. */
    public function poll(float $wait = 0.0): bool
    {
        $phase = $this->phase;
        $this->flush();
        if ($this->phase !== $phase) {
            return false;
        }
        $data = $this->read();
        if ($data === '' && $wait > 0 && !$this->error) {
            $this->select($wait);
            $this->flush();
            $data = $this->read();
        }
        if ($data === '') {
            return false;
        }
        $this->received = now();
        try {
            foreach ($this->decoder->feed($data) as $frame) {
                $this->handle(...$frame);
                if ($this->error) {
                    break;
                }
            }
        } catch (ProtocolError $fault) {
            $this->send(ERROR, FATAL, $fault->wireCode, $fault->id);
            $this->end($fault);
        }
        return true;
    }

    public function send(int $kind, int $flags, int $code, string $id, array $body = []): void
    {
        $body = array_filter($body, fn ($value) => $value !== null);
        $octets = $body === [] ? '' : json_encode($body, JSON_THROW_ON_ERROR);
        if (strlen($octets) > MAX_BODY[$kind]) {
            throw new \InvalidArgumentException('the request has ' . strlen($octets) . ' bytes; allowed: ' . MAX_BODY[$kind]);
        }
        $this->output .= pack('NC4a8', 12 + strlen($octets), 1, $kind, $flags, $code, $id) . $octets;
        $this->sent = now();
        $this->flush();
    }

    /** Fails all outstanding requests and closes the socket. */
    public function end(PongcheckError $error): void
    {
        if (!$this->error) {
            $this->error = $error;
            $this->fail($error);
            @fclose($this->stream);
        }
    }

    /** Sends FIN, reads until the server's FIN for at most $wait seconds, and closes. */
    public function close(float $wait = 1.0): void
    {
        if ($this->error) {
            return;
        }
        @stream_socket_shutdown($this->stream, STREAM_SHUT_WR);
        for ($until = now() + $wait; now() < $until && !feof($this->stream);) {
            $this->select($until - now());
            @fread($this->stream, 65536);
        }
        $this->end(new Closed('closed by this program'));
    }

    private function open(): void
    {
        $address = $this->address;
        $pattern = '~^(?:(pongs?)://)?(?|\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$~i';
        if (preg_match('~^pong\+unix:(?://)?(/.+)$~s', $address, $match)) {
            $target = "unix://$match[1]";
        } elseif (preg_match($pattern, $address, $match)) {
            $host = str_contains($match[2], ':') ? "[$match[2]]" : $match[2];
            $target = "tcp://$host:" . ($match[3] ?? 7464);
            $this->isTls = strtolower($match[1]) === 'pongs';
        } else {
            throw new \InvalidArgumentException("invalid address $address; allowed: HOST:PORT, pong://, pongs:// and pong+unix:/PATH");
        }
        $tls = ['peer_name' => $match[2] ?? '', 'alpn_protocols' => 'pongcheck/1', 'SNI_enabled' => true];
        $ca = isset($this->options['ca']) ? ['cafile' => $this->options['ca']] : [];
        $context = stream_context_create(['socket' => ['tcp_nodelay' => true], 'ssl' => ($this->options['tls'] ?? []) + $ca + $tls]);
        $isAsync = $this->options['async'] ?? false;
        $how = STREAM_CLIENT_CONNECT | ($isAsync ? STREAM_CLIENT_ASYNC_CONNECT : 0);
        $timeout = $this->options['timeout'] ?? CONNECT_TIMEOUT;
        $stream = @stream_socket_client($target, $number, $message, $timeout, $how, $context);
        if ($stream === false) {
            $error = "$address: " . ($message ?: 'the name could not be resolved');
            throw $number === 110 ? new Timeout($error) : new Closed($error);
        }
        $this->stream = $stream;
        stream_set_blocking($stream, false);
        stream_set_read_buffer($stream, 0);
        stream_set_write_buffer($stream, 0);
    }

    /** Performs the next step of opening the connection. Returns false while it waits for the network. */
    private function opened(): bool
    {
        if ($this->phase === 'connecting') {
            [$read, $write, $except] = [[], [$this->stream], []];
            if (@stream_select($read, $write, $except, 0) === 0) {
                return false;
            }
            if (stream_socket_get_name($this->stream, true) === false) {
                $this->end(new Closed("$this->address could not be connected"));
                return false;
            }
            $this->phase = $this->isTls ? 'tls' : 'open';
        }
        if ($this->phase === 'tls') {
            error_clear_last();
            $methods = STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT;
            $done = @stream_socket_enable_crypto($this->stream, true, $methods);
            if ($done === false) {
                $why = preg_replace('~\s+~', ' ', (string) preg_replace('~^.*?\(\):~', '', error_get_last()['message'] ?? ' TLS failed'));
                $this->end(new Closed("$this->address: TLS:$why"));
            } elseif ($done === true) {
                $this->phase = 'open';
            }
        }
        return $this->phase === 'open';
    }

    private function select(float $wait): void
    {
        $isWriting = $this->phase === 'connecting' || ($this->phase === 'open' && $this->output !== '');
        [$read, $write, $except] = [[$this->stream], $isWriting ? [$this->stream] : [], []];
        @stream_select($read, $write, $except, (int) $wait, (int) (fmod($wait, 1) * 1e6));
    }

    /** Returns the data that has arrived, or '' if there is none. */
    private function read(): string
    {
        if ($this->error || $this->phase !== 'open') {
            return '';
        }
        $data = @fread($this->stream, 65536);
        if (($data === '' || $data === false) && feof($this->stream)) {
            $this->end(new Closed("$this->address has closed the connection"));
        }
        return (string) $data;
    }

    private function flush(): void
    {
        if ($this->error || ($this->phase !== 'open' && !$this->opened())) {
            return;
        }
        while ($this->output !== '') {
            $written = @fwrite($this->stream, $this->output);
            if ($written === false || $written === 0) {
                break; // what has arrived before is still read, and so is the reason
            }
            $this->output = substr($this->output, $written);
        }
        if (strlen($this->output) > MAX_OUTPUT) {
            $this->end(new Closed("$this->address reads nothing"));
        }
    }

    private function handle(int $kind, int $flags, int $code, string $id, ?array $body): void
    {
        if ($kind === PING) { // its body has no effect (M21)
            $this->send(PONG, 0, 1, $id);
        } elseif ($kind === GOAWAY) {
            $this->goaway = ($body ?? []) + ['at' => now()];
        } elseif ($kind === ERROR) {
            $refused = new Refused($code, $body ?? []);
            ($flags & FATAL) !== 0 ? $this->end($refused) : $this->refuse($id, $refused);
        } elseif ($kind === STATUS && isset($this->watches[$id])) {
            $this->watches[$id]->updates[] = Pong::of($code, $flags, $body, 0.0);
        } elseif ($kind === PONG || $kind === HELLO) {
            $request = $this->pending[$id] ?? null;
            if ($kind === HELLO) {
                $this->server = $body ?? ['heartbeat' => ['canSendMs' => 0, 'wantMs' => 0, 'mult' => 3]];
            }
            if ($request?->answeredBy === $kind) { // otherwise late: ignored (M24)
                unset($this->pending[$id]);
                $request->settle($kind === HELLO ? $this->server : Pong::of($code, $flags, $body, now() - $request->begun));
            }
        }
    }

    private function refuse(string $id, Refused $refused): void
    {
        if (isset($this->watches[$id])) {
            $this->watches[$id]->error = $refused;
        }
        if (isset($this->pending[$id])) {
            $this->pending[$id]->settle($refused);
        }
        unset($this->watches[$id], $this->pending[$id]);
    }

    private function request(int $kind, int $answeredBy, int $flags, int $code, array $body): Request
    {
        $request = new Request($this->nextId(), $answeredBy);
        $this->pending[$request->id] = $request;
        $this->send($kind, $flags, $code, $request->id, $body);
        if ($this->error) {
            $this->fail($this->error);
        }
        return $request;
    }

    private function fail(PongcheckError $error): void
    {
        foreach ($this->pending as $request) {
            $request->settle($error);
        }
        $this->pending = [];
    }

    private function nextId(): string
    {
        return 'php-' . pack('N', ++$this->lastId);
    }
}

function now(): float
{
    return hrtime(true) / 1e9;
}

function ms(?float $seconds): ?int
{
    return $seconds === null ? null : (int) min(max(0, round($seconds * 1000)), MAX_MS);
}

function scope(string $name): int
{
    $code = array_search($name, SCOPES, true);
    return $code === false ? throw new \InvalidArgumentException("invalid scope $name; allowed: " . implode(', ', SCOPES)) : $code;
}

// -- a persistent connection ------------------------------------------------------------------------------------------

/** Sends the PINGs of one connection and detects a dead server (M58, N8 to N10). Call `tick()` after a poll that began at $now. */
final class Heartbeat
{
    /** The last PONG that was not taken. */
    public ?Pong $last = null;
    /** @var list<Request> */
    public array $requests = [];
    /** Number of PINGs since the last byte was received. */
    private int $out = 0;
    private float $ticked;
    private float $seen;
    private float $pinged;
    private float $jitter;

    public function __construct(private readonly Client $client, public float $interval, private readonly int $limit, private readonly array $question)
    {
        $this->ticked = $this->seen = now();
        $this->ping();
    }

    public function tick(float $now): void
    {
        $client = $this->client;
        $silence = ($this->limit + 1) * $this->interval;
        if ($now - $this->ticked > min(5.0, $silence / 2)) { // this process stood still, which says nothing about the server
            $client->received = $client->sent = $now;
        }
        $this->ticked = $now;
        if ($client->received > $this->seen) {
            [$this->seen, $this->out] = [$client->received, 0];
        }
        $since = $this->out > 0 ? $this->pinged : min($client->received, $client->sent);
        if ($this->out < $this->limit && $now >= $since + $this->interval * $this->jitter) {
            $this->out++;
            $this->ping();
        } elseif ($this->out === $this->limit && $now - $client->received >= $silence) {
            $client->send(ERROR, FATAL, 13, NO_ID);
            $client->end(new Closed("$client->address did not answer $this->out PINGs"));
        }
        foreach ($this->requests as $key => $request) {
            if ($request->ready) {
                unset($this->requests[$key]);
                $this->last = $request->outcome instanceof Pong ? $request->outcome : $this->last;
            }
        }
    }

    private function ping(): void
    {
        if (count($this->requests) === 16) {
            unset($this->client->pending[array_shift($this->requests)->id]);
        }
        $this->requests[] = $this->client->sendPing(...$this->question);
        [$this->pinged, $this->jitter] = [now(), 0.75 + random() / 4];
    }
}

final class Change
{
    public function __construct(
        public readonly string $state,
        public readonly ?string $status,
        public readonly string $address,
        public readonly string $why,
    ) {
    }
}

/** A connection of a Link. */
final class Attempt
{
    public readonly Heartbeat $beat;
    public readonly ?Watch $watch;
    /** Time by which the first PONG must have arrived. After a GOAWAY, time at which the connection is closed. */
    public float $until;
    /** The GOAWAY that was handled. */
    public ?array $goaway = null;

    public function __construct(public readonly Client $client, public readonly int $index, array $beat, ?array $watch)
    {
        $this->beat = new Heartbeat($client, ...$beat);
        $this->watch = $watch === null ? null : $client->watch(...$watch);
        $this->until = now() + CONNECT_TIMEOUT;
    }
}

/**
 * Maintains a connection to one of the addresses: HELLO, PINGs, detection of a dead server, GOAWAY, reconnects with random delays.
 */
final class Link
{
    /** connecting, up, draining (send no new work), down or closed */
    public string $state = 'connecting';
    /** Latest status of this connection; null if there is none yet. */
    public ?string $status = null;
    public ?array $report = null;
    private readonly array $addresses;
    private readonly array $beat;
    private readonly ?array $watch;
    private readonly array $connection;
    /** Time from which GOAWAY allows a new connection, by address. */
    private array $notBefore;
    private int $index = 0;
    private int $failures = 0;
    private float $tryAt = 0.0;
    private float $stableAt = 0.0;
    private ?Attempt $current = null;
    private ?Attempt $next = null;
    /** @var list<Attempt> */
    private array $leaving = [];
    /** @var list<Change> */
    private array $changes = [];
    private bool $warned = false;

    /**
     * @param string|list<string> $addresses
     * @param array $options interval (10): PING interval. maxPingsOut (3): number of unanswered PINGs, one interval after which the
     *   server is dead. scope, detail: options of the PINGs. watch: an array of `Client::watch()` arguments ([] for defaults) to receive
     *   changes as they happen. All other options: as in Client.
     */
    public function __construct(string|array $addresses, array $options = [])
    {
        $this->addresses = array_values((array) $addresses);
        $this->notBefore = array_fill(0, count($this->addresses), 0.0);
        $interval = (float) ($options['interval'] ?? 10.0);
        $question = array_intersect_key($options, ['scope' => 1, 'detail' => 1]);
        $this->beat = [$interval, $options['maxPingsOut'] ?? 3, $question];
        $this->watch = $options['watch'] ?? null;
        $this->connection = ['heartbeat' => ['canSendMs' => ms($interval), 'wantMs' => 0], 'async' => true] + $options;
    }

    /** Whether to send work: the state is up, and the status is pass or warn. */
    public function healthy(): bool
    {
        return $this->state === 'up' && ($this->status === 'pass' || $this->status === 'warn');
    }

    /** The current connection, for `sendPing()` and `watch()`. */
    public function client(): ?Client
    {
        return $this->current?->client;
    }

    /**
     * Waits at most $wait seconds, and does what is due. Call it about every 0.1 s.
     *
     * @return list<Change>
     */
    public function step(float $wait = 0.0): array
    {
        if ($this->state === 'closed') {
            return [];
        }
        $waiting = $this->current ?? $this->next;
        $waiting ? $waiting->client->poll($wait) : usleep((int) (1e6 * $wait));
        $now = now(); // before the sockets are read: silence until then is real (N9)
        foreach (array_filter([$this->current, $this->next, ...$this->leaving]) as $attempt) {
            $attempt->client->poll();
        }
        foreach ($this->leaving as $key => $old) {
            if ($old->client->error || $old->client->pending === [] || $now >= $old->until) {
                unset($this->leaving[$key]);
                $old->client->close(0.0);
            }
        }
        if ($this->next) {
            $this->checkNext($this->next, $now);
        }
        if ($this->current) {
            $this->checkCurrent($this->current, $now);
        }
        if (!$this->next && $now >= $this->tryAt && (!$this->current || $this->state === 'draining')) {
            $this->connect($now);
        }
        [$changes, $this->changes] = [$this->changes, []];
        return $changes;
    }

    /** Sends FIN to the server. */
    public function close(): void
    {
        $this->change('closed', 'closed by this program');
        foreach (array_filter([$this->current, $this->next, ...$this->leaving]) as $attempt) {
            $attempt->client->close();
        }
    }

    /** Connects to the next allowed address. While a connection is open, its own address is allowed only after a GOAWAY. */
    private function connect(float $now): void
    {
        foreach ($this->addresses as $n => $_) {
            $index = ($this->index + $n) % count($this->addresses);
            $isOwn = $this->current?->index === $index && $this->current->client->goaway === null;
            if ($now >= $this->notBefore[$index] && !$isOwn) {
                try {
                    $client = new Client($this->addresses[$index], $this->connection);
                    $this->next = new Attempt($client, $index, $this->beat, $this->watch);
                } catch (PongcheckError $error) {
                    $this->failed($index, $error->getMessage());
                }
                return;
            }
        }
    }

    /** Tries the other addresses immediately, then all again after a random part of a delay that doubles. */
    private function failed(int $index, string $why): void
    {
        $this->next = null;
        $this->index = ($index + 1) % count($this->addresses);
        $this->failures++;
        $isLast = $this->failures % count($this->addresses) === 0;
        $this->tryAt = now() + ($isLast ? backoff(intdiv($this->failures, count($this->addresses))) : 0.0);
        if (!$this->current) {
            $this->change('down', $why);
        }
    }

    private function checkNext(Attempt $next, float $now): void
    {
        $next->beat->tick($now);
        $pong = $next->beat->last;
        if ($next->client->error || (!$pong && $now >= $next->until)) {
            $why = $next->client->error ?? new Timeout("{$next->client->address} did not answer in time");
            $next->client->end($why);
            $this->failed($next->index, $why->getMessage());
        } elseif ($pong?->status === 'draining' && $this->current) {
            $next->client->close(0.0); // it leads to the server that shuts down
            $this->failed($next->index, 'draining');
            $this->tryAt = $now + backoff($this->failures);
        } elseif ($pong) {
            if ($this->current) {
                $this->leave($this->current, $now);
            }
            [$this->current, $this->next, $this->index, $this->stableAt] = [$next, null, $next->index, $now + STABLE];
            $this->state = 'connecting'; // so that the change is reported
        }
    }

    private function leave(Attempt $old, float $now): void
    {
        $old->until = $now + ($old->client->goaway['graceMs'] ?? 5000) / 1000;
        foreach ($old->beat->requests as $request) {
            unset($old->client->pending[$request->id]);
        }
        $this->leaving[] = $old;
    }

    private function checkCurrent(Attempt $current, float $now): void
    {
        $client = $current->client;
        $current->beat->tick($now);
        $this->limitInterval($current);
        foreach (array_filter([$current->beat->last, ...($current->watch?->take() ?? [])]) as $pong) {
            $isNew = $pong->status !== $this->status;
            [$this->status, $this->report] = [$pong->status, $pong->report];
            if ($isNew && ($this->state === 'up' || $this->state === 'draining')) {
                $this->change($this->state, "status $pong->status", true);
            }
        }
        $current->beat->last = null;
        if ($client->goaway !== $current->goaway) { // of several the last one applies
            $current->goaway = $client->goaway;
            $delay = min(($client->goaway['reconnectAfterMs'] ?? 0) / 1000, ONE_HOUR);
            $this->notBefore[$current->index] = $now + $delay + backoff(++$this->failures);
            [$this->index, $this->tryAt] = [($current->index + 1) % count($this->addresses), $now];
        }
        if ($client->goaway !== null || $this->status === 'draining') {
            $this->change('draining', $client->goaway !== null ? 'GOAWAY' : 'status draining');
        } else {
            if ($this->state === 'draining' && $this->next) {
                $this->next->client->close(0.0);
                $this->next = null;
            }
            $this->change('up', "status $this->status");
            $this->failures = $now >= $this->stableAt ? 0 : $this->failures;
        }
        if ($client->error) {
            $this->current = $this->status = $this->report = null;
            $why = $client->error->getMessage();
            $this->next ? $this->change('down', $why) : $this->failed($current->index, $why);
        }
    }

    private function limitInterval(Attempt $current): void
    {
        $idle = ($current->client->server['idleTimeoutMs'] ?? 0) / 1000;
        if ($idle > 0 && $current->beat->interval > $idle / 2.2) {
            $current->beat->interval = $idle / 2.2;
            if (!$this->warned) {
                error_log(sprintf('pongcheck: interval is reduced to %.2f s: the server closes after %.2f s of silence', $idle / 2.2, $idle));
            }
            $this->warned = true;
        }
    }

    private function change(string $state, string $why, bool $isStatus = false): void
    {
        if ($this->state !== $state || $isStatus) {
            $this->state = $state;
            $address = ($this->current ?? $this->next)?->client->address ?? $this->addresses[$this->index];
            $this->changes[] = new Change($state, $this->status, $address, $why);
        }
    }
}

function backoff(int $rounds): float
{
    return random() * min(30.0, 0.1 * 2 ** min($rounds - 1, 20));
}

/** Returns a random number from 0 to 1. */
function random(): float
{
    return mt_rand() / mt_getrandmax();
}
