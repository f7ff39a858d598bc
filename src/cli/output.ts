import { type Command, EXIT_OUTPUT } from './parser.js';

const closed = new AbortController();
/** Aborted when standard output can no longer be written. Endless commands then stop. */
export const outputClosed: AbortSignal = closed.signal;

/**
 * Handles errors of standard output and standard error, which would otherwise end the process with a stack trace. A
 * closed pipe (`| head`) is not a failure. Any other error prints one line and changes exit code 0 to 74, unless the
 * exit code is the command's result. `serve` continues, and its log counts dropped lines.
 */
export function handleOutputErrors(command: () => Command | undefined): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    const { name, answersByExitCode = false } = command() ?? {};
    if (outputClosed.aborted || name === 'serve') return;
    closed.abort();
    if (code === 'EPIPE') return;
    process.stderr.write(`pongcheck: cannot write to standard output: ${message}\n`);
    if (answersByExitCode) return;
    process.on('exit', (exitCode) => {
      if (exitCode === 0) process.exitCode = EXIT_OUTPUT;
    });
  });
}
