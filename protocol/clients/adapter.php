<?php

// The client of pongcheck.php for `pongcheck conformance --client 'php adapter.php {address}'`: reads instructions and writes events,
// one JSON object per line (protocol/vectors/README.md, "The command").
declare(strict_types=1);

require __DIR__ . '/pongcheck.php';

use Pongcheck\{Client, Link, Pong, PongcheckError, Refused};

function say(array $event): void
{
    echo json_encode($event), "\n";
}

function report(Pong|array|PongcheckError $outcome, string $kind, array $name = []): void
{
    say($name + match (true) {
        $outcome instanceof Refused => ['error' => $outcome->wireCode],
        $outcome instanceof PongcheckError => ['error' => $outcome->name],
        $outcome instanceof Pong => [$kind => $outcome->status, 'healthy' => $outcome->healthy],
        default => ['hello' => true],
    });
}

$client = $link = $watch = null;
$waiting = [];
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
            $client ??= new Client($argv[1]);
        }
        match ($do['do']) {
            'ping' => $waiting[] = [$client->sendPing($do['scope'] ?? 'readiness', detail: $do['detail'] ?? false), 'pong', []],
            'pings' => array_push($waiting, ...array_map(fn ($as) => [$client->sendPing(), 'pong', ['as' => $as]], $do['as'])),
            'hello' => $waiting[] = [$client->sendHello(), 'hello', []],
            'watch' => [$watch?->cancel(), $watch = $client->watch(checks: $do['checks'] ?? null)],
            'link' => $link = new Link($do['addresses'], ['interval' => $do['intervalMs'] / 1000, 'maxPingsOut' => $do['maxPingsOut']]),
            default => say(['unsupported' => $do['do']]),
        };
    }
    foreach ($link?->step() ?? [] as $change) {
        say(['state' => $change->state, 'reason' => $change->why]);
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
