/** Milliseconds of the system's monotonic clock, which all processes of a machine share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Reports an event to the test, in one line of JSON. */
export function say(event, details = {}, at = now()) {
  process.stdout.write(`${JSON.stringify({ event, at, ...details })}\n`);
}

/** Calls `obey` with each line of JSON that the test sends. */
export function onCommand(obey) {
  let text = '';
  process.stdin.setEncoding('utf8').on('data', (more) => {
    text += more;
    const lines = text.split('\n');
    text = lines.pop();
    for (const line of lines) obey(JSON.parse(line));
  });
}
