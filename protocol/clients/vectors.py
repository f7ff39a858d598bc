"""Feeds the codec vectors for clients to the decoder of pongcheck.py: whole, byte by byte, and split in two."""
import json, pathlib, sys

from pongcheck import Decoder, ProtocolError


def octets_of(segments):
    whole = b""
    for segment in segments:
        if isinstance(segment, str):
            whole += bytes.fromhex(segment)
        elif "text" in segment:
            whole += segment["text"].encode("utf-8", "surrogatepass")
        else:
            whole += bytes.fromhex(segment["repeat"]) * segment["times"]
    return whole


def outcome(chunks):
    """Returns the frames, whether one is incomplete, the error, and the number of bytes fed until then."""
    decoder, frames, fed = Decoder(), [], 0
    for chunk in chunks:
        fed += len(chunk)
        try:
            for kind, flags, code, frame_id, body in decoder.feed(chunk):
                frame = {"type": kind, "flags": flags, "code": code, "id": frame_id.hex()}
                frames.append(frame if body is None else {**frame, "body": body})
        except ProtocolError as fault:
            return frames, False, (fault.code, fault.id.hex()), fed
    return frames, bool(decoder.octets or decoder.skip), None, fed


def expected(vector):
    error = vector.get("error")
    frames = [{key: frame[key] for key in frame if key != "skipped"} for frame in vector["frames"]]
    return frames, vector.get("unfinished", False), (error["code"], error["id"]) if error else None


def main(folder):
    tried = failed = 0
    for file in ("valid.json", "malformed.json"):
        for vector in json.loads((pathlib.Path(folder) / file).read_text()):
            if "client" not in vector["receivers"]:
                continue
            octets = octets_of(vector["octets"])
            one_by_one = outcome(octets[at : at + 1] for at in range(len(octets)))
            cuts = range(1, len(octets)) if len(octets) < 200 else (1, 4, 15, 16, 17, len(octets) - 1)
            results = [outcome([octets]), one_by_one] + [outcome([octets[:at], octets[at:]]) for at in cuts]
            wrong = [result for result in results if result[:3] != expected(vector)]
            late = vector.get("error") and one_by_one[3] != vector["error"]["at"]
            tried += 1
            if wrong or late:
                failed += 1
                print(f"{vector['name']}: {wrong[0][:3] if wrong else one_by_one[3]}, wanted {expected(vector)}")
    print(f"{tried} vectors, {failed} failed")
    return 1 if failed or not tried else 0


sys.exit(main(sys.argv[1]))
