// Plays the sessions of protocol/vectors against the responder in dist, or its dialogues with the client in dist, with
// one mutation at a time: text in dist is replaced so that one rule is broken. The player is that of the unchanged
// dist.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutations } from './mutations.js';
import { foundBy } from './table.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const subjectFile = fileURLToPath(new URL('subject.js', import.meta.url));
/** A session mostly waits. */
const COPIES = availableParallelism() * 2;
/** Number of sessions in one job of the unchanged responder. */
const CONTROL_SESSIONS = 6;
const CALL_TIMEOUT_MS = 40_000;
/**
 * Number of times that a session is played before it counts as failed by the unchanged responder, or as passed by a
 * mutation.
 */
const ATTEMPTS = 3;

/** Converts text to a pattern in which white space matches white space of any length. */
function patternOf(text) {
  const words = text.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(words.join('\\s+'), 'g');
}

/** Returns the changed texts of a mutation by file. Throws if the mutation no longer fits dist. */
export function mutated({ rule, name, file, find, replace, also = [] }) {
  const texts = new Map();
  for (const [path, before, after] of [[file, find, replace], ...also]) {
    const text = texts.get(path) ?? readFileSync(join(root, 'dist', path), 'utf8');
    const times = [...text.matchAll(patternOf(before))].length;
    if (times !== 1)
      throw new Error(`${rule} "${name}": ${before} occurs ${times} times in dist/${path}, expected once`);
    texts.set(
      path,
      text.replace(patternOf(before), () => after),
    );
  }
  return texts;
}

/** A copy of dist in a place where its imports resolve as in the project. */
class Copy {
  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'pongcheck-mutation-'));
    this.dist = join(this.path, 'dist');
    const filter = (path) => !/\.(map|d\.ts)$/.test(path);
    cpSync(join(root, 'dist'), this.dist, { recursive: true, filter });
    for (const name of ['protocol', 'node_modules', 'package.json']) {
      symlinkSync(join(root, name), join(this.path, name));
    }
    // In this place, it finds the client of this copy under the package name.
    cpSync(join(root, 'protocol', 'clients', 'adapter.js'), join(this.path, 'adapter.js'));
  }

  /** The command for `conformance --client`. */
  get client() {
    return `${process.execPath} ${join(this.path, 'adapter.js')} {address}`;
  }

  /**
   * Applies `mutation`, if one is given. Runs `work` with a function that plays a session with a responder of this copy
   * or, if `isOfClient`, a dialogue with its client.
   */
  async with(mutation, isOfClient, player, work) {
    const texts = mutation ? mutated(mutation) : new Map();
    for (const [file, text] of texts) writeFileSync(join(this.dist, file), text);
    const subject = isOfClient ? undefined : new SubjectProcess(this.dist);
    try {
      return await work((vector) =>
        subject ? subject.play(vector, player.play) : player.playClient(vector, this.client),
      );
    } finally {
      subject?.kill();
      for (const file of texts.keys()) cpSync(join(root, 'dist', file), join(this.dist, file));
    }
  }

  remove() {
    rmSync(this.path, { recursive: true });
  }
}

/** A process that runs `subject.js`. Each call fails when the process has ended. */
class SubjectProcess {
  calls = new Map();
  count = 0;

  constructor(dist) {
    this.child = fork(subjectFile, [dist], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.errors = '';
    this.child.stderr.on('data', (chunk) => (this.errors += chunk));
    this.ready = once(this.child, 'message');
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.ended.then(() => {
      for (const { reject } of this.calls.values()) reject(this.death());
    });
    this.child.on('message', ({ call, result, error }) => {
      const pending = this.calls.get(call);
      this.calls.delete(call);
      if (error) pending?.reject(new Error(error));
      else pending?.resolve(result);
    });
  }

  death() {
    return new Error(`the process has ended: ${this.errors.slice(0, 500)}`);
  }

  async call(action, key, value) {
    await Promise.race([this.ready, this.ended]);
    if (!this.child.connected) throw this.death();
    const call = ++this.count;
    const answer = new Promise((resolve, reject) => this.calls.set(call, { resolve, reject }));
    this.child.send({ call, action, key, value });
    const timer = setTimeout(() => this.calls.get(call)?.reject(new Error(`${action}: no answer`)), CALL_TIMEOUT_MS);
    return answer.finally(() => clearTimeout(timer));
  }

  /** Plays a session with a new responder in this process. */
  async play(session, play) {
    const key = ++this.count;
    const { host, port } = await this.call('start', key, session.responder ?? {});
    // If an operator step fails, that is the responder's fault. The session continues and reports what is missing.
    const operate = (step) => this.call('operate', key, step).catch(() => {});
    const outcome = await play(session, { host, port, operate });
    await this.call('stop', key).catch(() => {});
    return outcome;
  }

  kill() {
    this.child.kill('SIGKILL');
  }
}

const isNotMet = ({ verdict }) => verdict !== 'ok';

/**
 * Runs mutations.
 *
 * @param only `(mutation) => boolean`: selects the mutations to run.
 * @param isBounded each mutation plays only the session that the table names.
 * @param say called with each line of progress.
 * @throws if a mutation does not fit dist, or no responder starts with it.
 * @returns `broken`: sessions that the unchanged responder does not pass; `results`: `{ mutation, found }`, where
 * `found` is `{ session, why }` of the session that detected it, or undefined.
 */
export async function runMutations({ only = () => true, isBounded = false, withControl = true, say = () => {} }) {
  const load = (path) => import(new URL(`../../dist/cli/conformance/${path}`, import.meta.url));
  const player = { ...(await load('play.js')), ...(await load('client/play.js')) };
  const sessions = (await load('session.js')).readSessions();
  const dialogues = (await load('client/vector.js')).readDialogues();
  const chosen = mutations.filter((mutation) => mutation.find && only(mutation));
  for (const mutation of chosen) mutated(mutation);
  const results = [];
  const broken = [];

  const control = async (copy, part, isOfClient) => {
    await copy.with(undefined, isOfClient, player, async (play) => {
      let left = part;
      for (let attempt = 1; attempt <= ATTEMPTS && left.length > 0; attempt++) {
        const failed = (await Promise.all(left.map(play))).filter(isNotMet);
        left = failed.map(({ session }) => session);
        for (const { session, verdict, why } of failed)
          say(`not mutated, ${attempt}: ${session.name}: ${verdict}, ${why}`);
      }
      broken.push(...left);
    });
  };
  const test = async (copy, mutation) => {
    const { rule, name } = mutation;
    const named = foundBy(mutation);
    const vectors = mutation.isOfClient ? dialogues : sessions;
    const own = vectors.filter(({ name, rules }) => rules.includes(mutation.rule) && name !== named);
    const first = vectors.filter(({ name }) => name === named);
    const order = isBounded && first.length > 0 ? first : [...first, ...own.sort(bySettings)];
    const found = await copy.with(mutation, mutation.isOfClient, player, async (play) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        for (const session of order) {
          const outcome = await play(session);
          if (isNotMet(outcome)) return outcome;
        }
      }
      return undefined;
    });
    results.push({ mutation, found });
    say(`${rule} ${name}: ${found ? `${found.session.name}: ${found.why}` : 'NOT FOUND'}`);
  };

  const jobs = chosen.map((mutation) => (copy) => test(copy, mutation));
  if (withControl) {
    const named = new Set(chosen.map(foundBy));
    for (const [vectors, isOfClient] of [
      [sessions, false],
      [dialogues, true],
    ]) {
      const played = isBounded ? vectors.filter(({ name }) => named.has(name)) : vectors;
      for (let i = 0; i < played.length; i += CONTROL_SESSIONS) {
        jobs.unshift((copy) => control(copy, played.slice(i, i + CONTROL_SESSIONS), isOfClient));
      }
    }
  }
  const work = async () => {
    const copy = new Copy();
    try {
      for (let job = jobs.shift(); job; job = jobs.shift()) await job(copy);
    } finally {
      copy.remove();
    }
  };
  await Promise.all(Array.from({ length: COPIES }, work));
  results.sort((a, b) => mutations.indexOf(a.mutation) - mutations.indexOf(b.mutation));
  return { broken, results };
}

/** Sorts sessions for any responder first. */
function bySettings(a, b) {
  return Number(a.responder !== undefined) - Number(b.responder !== undefined);
}
