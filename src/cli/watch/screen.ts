import { stripVTControlCharacters } from 'node:util';
import { widthOf } from '../width.js';
import type { TerminalSize } from './table.js';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * A terminal's alternate screen, without a cursor and without line wrapping. Each frame is one write, without clearing
 * the screen first.
 */
export class Screen {
  private isEntered = false;
  private last = '';
  /** Also called if an error ends the process. */
  private readonly onExit = () => this.leave();
  /** Restores the terminal on Ctrl+Z. */
  private readonly onStop = () => {
    this.leave();
    process.kill(process.pid, 'SIGSTOP');
  };
  private readonly onContinue = () => this.enter();

  constructor(
    private readonly terminal: NodeJS.WriteStream,
    /** Returns the lines for this size. Each line must fit. */
    private readonly frame: (size: TerminalSize) => readonly string[],
  ) {}

  open(): void {
    this.enter();
    this.terminal.on('resize', this.redraw);
    process.on('exit', this.onExit).on('SIGTSTP', this.onStop).on('SIGCONT', this.onContinue);
  }

  /** Restores the terminal and prints the last frame. */
  close(): void {
    this.terminal.off('resize', this.redraw);
    process.off('exit', this.onExit).off('SIGTSTP', this.onStop).off('SIGCONT', this.onContinue);
    this.leave();
    this.terminal.write(`${this.frame(this.size).join('\n')}\n`);
  }

  /** Draws the frame. Writes nothing if nothing has changed. */
  readonly redraw = (): void => {
    if (!this.isEntered) return;
    const { columns, rows } = this.size;
    const lines = this.frame(this.size);
    // After a line of full width, the cursor is on the last column, which clearing to the end of the line would erase.
    const isFull = (line: string) => widthOf(stripVTControlCharacters(line)) >= columns;
    const text = lines.map((line) => `${line}${isFull(line) ? '' : CLEAR_LINE_END}`).join('\r\n');
    const next = `${HOME}${text}${lines.length < rows ? `\r\n${CLEAR_BELOW}` : ''}`;
    if (next === this.last) return;
    this.last = next;
    this.terminal.write(next);
  };

  private get size(): TerminalSize {
    return { columns: this.terminal.columns || 80, rows: this.terminal.rows || 24 };
  }

  private enter(): void {
    if (this.isEntered) return;
    this.isEntered = true;
    this.last = '';
    this.terminal.write(ENTER);
    this.redraw();
  }

  private leave(): void {
    if (!this.isEntered) return;
    this.isEntered = false;
    this.terminal.write(LEAVE);
  }
}
