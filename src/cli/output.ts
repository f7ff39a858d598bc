import { type Command, EXIT_OUTPUT } from './parser.js';

const gone = new AbortController();
/** Aborted once standard output takes nothing more: a command without an end of its own ends then. */
export const outputGone: AbortSignal = gone.signal;

/**
 * Handles errors of standard output and standard error, which would end the process with a stack. A reader that has
 * seen enough (`| head`) is no failure. Any other error is one line and exit code 74 where the command would have ended
 * with 0, unless its exit code is its answer. `serve` goes on: its log counts the lines that are lost.
 */
export function handleOutputErrors(command: () => Command | undefined): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    const { name, answersByExitCode = false } = command() ?? {};
    if (outputGone.aborted || name === 'serve') return;
    gone.abort();
    if (code === 'EPIPE') return;
    process.stderr.write(`pongcheck: standard output cannot be written: ${message}\n`);
    if (answersByExitCode) return;
    process.on('exit', (exitCode) => {
      if (exitCode === 0) process.exitCode = EXIT_OUTPUT;
    });
  });
}
