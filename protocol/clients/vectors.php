<?php

// Feeds the codec vectors for clients to the decoder of pongcheck.php: whole, byte by byte, and split in two.
declare(strict_types=1);

require __DIR__ . '/pongcheck.php';

use Pongcheck\{Decoder, ProtocolError};

function octets_of(array $segments): string
{
    return implode('', array_map(fn ($segment) => match (true) {
        is_string($segment) => hex2bin($segment),
        isset($segment['text']) => $segment['text'],
        default => str_repeat(hex2bin($segment['repeat']), $segment['times']),
    }, $segments));
}

/** Returns the frames, whether one is incomplete, the error, and the number of bytes fed until then. */
function outcome(array $chunks): array
{
    [$decoder, $frames, $fed] = [new Decoder(), [], 0];
    foreach ($chunks as $chunk) {
        $fed += strlen($chunk);
        try {
            foreach ($decoder->feed($chunk) as [$type, $flags, $code, $id, $body]) {
                $frame = ['type' => $type, 'flags' => $flags, 'code' => $code, 'id' => bin2hex($id)];
                $frames[] = $body === null ? $frame : $frame + ['body' => $body];
            }
        } catch (ProtocolError $fault) {
            return [[$frames, false, [$fault->wireCode, bin2hex($fault->id)]], $fed];
        }
    }
    return [[$frames, $decoder->octets !== '' || $decoder->skip > 0, null], $fed];
}

function expected(array $vector): array
{
    $frames = array_map(fn ($frame) => array_diff_key($frame, ['skipped' => 1]), $vector['frames']);
    $error = $vector['error'] ?? null;
    return [$frames, $vector['unfinished'] ?? false, $error ? [$error['code'], $error['id']] : null];
}

$tried = $failed = 0;
foreach (['valid.json', 'malformed.json'] as $file) {
    foreach (json_decode(file_get_contents("$argv[1]/$file"), true) as $vector) {
        if (!in_array('client', $vector['receivers'], true)) {
            continue;
        }
        $octets = octets_of($vector['octets']);
        $size = strlen($octets);
        $cuts = $size < 200 ? range(1, max(1, $size - 1)) : [1, 4, 15, 16, 17, $size - 1];
        $oneByOne = outcome(str_split($octets));
        $results = [outcome([$octets]), $oneByOne, ...array_map(fn ($at) => outcome([substr($octets, 0, $at), substr($octets, $at)]), $cuts)];
        $wrong = array_filter($results, fn ($result) => $result[0] != expected($vector)); // numbers are compared by value
        $isLate = isset($vector['error']) && $oneByOne[1] !== $vector['error']['at'];
        $tried++;
        if ($wrong || $isLate) {
            $failed++;
            echo "$vector[name]: ", json_encode(reset($wrong) ?: $oneByOne[1]), ', wanted ', json_encode(expected($vector)), "\n";
        }
    }
}
echo "$tried vectors, $failed failed\n";
exit($failed > 0 || $tried === 0 ? 1 : 0);
