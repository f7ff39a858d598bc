<?php

// Connects pongcheck.php to `pongcheck conformance --client 'php adapter.php {address}'`. Reads instructions and writes events, one
// JSON object per line (protocol/vectors/README.md, "The command"). PONGCHECK_TOKEN and PONGCHECK_CA contain the token and the path
// of the CA file for its connections.
declare(strict_types=1);

require __DIR__ . '/pongcheck.php';

use Pongcheck\{Client, Link, Pong, PongcheckError, Refused, Request};

function say(array $event): void
{
    echo json_encode($event), "\n";
}

function report(Pong|array|PongcheckError $outcome, string $kind, array $name = []): void
{
    say($name + match (true) {
        $outcome instanceof PongcheckError =>
            ['error' => $outcome instanceof Refused ? $outcome->wireCode : $outcome->name, 'name' => $outcome->name],
        $outcome instanceof Pong =>
            [$kind => $outcome->status, 'healthy' => $outcome->healthy, 'stale' => $outcome->stale, 'causes' => causes($outcome)],
        default => ['hello' => true],
    });
}

function causes(Pong $pong): array
{
    return array_map(fn ($cause) => "$cause[check] $cause[reason]", $pong->report['causes'] ?? []);
}

function ping(Client $client, array $do): Request
{
    $times = array_map(fn ($ms) => $ms === null ? null : $ms / 1000, ['maxAge' => $do['maxAgeMs'] ?? null, 'timeout' => $do['timeoutMs'] ?? null]);
    return $client->sendPing(...array_intersect_key($do, ['scope' => 1, 'checks' => 1, 'group' => 1, 'detail' => 1]), ...$times);
}

$client = $link = $watch = null;
$waiting = [];
$options = array_filter(['token' => getenv('PONGCHECK_TOKEN'), 'ca' => getenv('PONGCHECK_CA')]);
stream_set_blocking(STDIN, false);
while (true) {
    [$read, $write, $except] = [[STDIN], [], []];
    $line = stream_select($read, $write, $except, 0, 5000) > 0 ? fgets(STDIN) : '';
    if ($line === false && feof(STDIN)) {
        exit(0);
    }
    if ($line) {
        $do = json_decode($line, true);
        if ($do['do'] !== 'link') {
            $client ??= new Client($argv[1], $options);
        }
        match ($do['do']) {
            'ping' => $waiting[] = [ping($client, $do), 'pong', []],
            'pings' => array_push($waiting, ...array_map(fn ($as) => [$client->sendPing(), 'pong', ['as' => $as]], $do['as'])),
            'hello' => $waiting[] = [$client->sendHello(), 'hello', []],
            'watch' => [$watch?->cancel(), $watch = $client->watch(checks: $do['checks'] ?? null)],
            'link' => $link = new Link(
                $do['addresses'],
                ['interval' => $do['intervalMs'] / 1000, 'maxPingsOut' => $do['maxPingsOut'], 'watch' => $do['watch'] ?? null] + $options,
            ),
            default => say(['unsupported' => $do['do']]),
        };
    }
    foreach ($link?->step() ?? [] as $change) {
        say(['state' => $change->state, 'link' => $change->status, 'reason' => $change->why]);
    }
    if ($client && !$client->error) {
        $client->poll();
    }
    foreach ($waiting as $key => [$request, $kind, $name]) {
        if ($request->ready) {
            unset($waiting[$key]);
            report($request->outcome, $kind, $name);
        }
    }
    foreach ($watch?->take() ?? [] as $update) {
        report($update, 'status');
    }
    if ($error = $watch ? $watch->error ?? $client->error : null) {
        report($error, 'status');
        $watch = null;
    }
}
