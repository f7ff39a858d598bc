/**
 * Converts the results to JSON, keyed by cell titles and peer names. `cells`, `memory` and `starts` contain one figure
 * per round.
 * @param {{ cells: object[], rounds: object[], memory: Map<object, object[]> }} results
 */
export function toData({ cells, rounds, memory }) {
  const byName = (map) => Object.fromEntries([...map].map(([peer, figures]) => [peer.name, figures]));
  const data = {
    date: new Date().toISOString().slice(0, 10),
    peers: peersIn({ rounds, memory }).map(({ name, title }) => ({ name, title })),
    rounds: rounds.map((round) => ({
      cells: Object.fromEntries(cells.map((cell) => [cell.title, byName(round.cells.get(cell))])),
      starts: byName(round.starts),
    })),
    memory: byName(memory),
  };
  const lines = JSON.stringify(
    data,
    (_key, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value),
    1,
  );
  return `${lines.replace(/\{\n[^[\]{}]*\}/g, (object) => object.replace(/\n\s*/g, ' '))}\n`;
}

function peersIn({ rounds, memory }) {
  return [...new Set([...rounds.flatMap(({ starts }) => [...starts.keys()]), ...memory.keys()])];
}

/**
 * Restores the results from JSON.
 * @param {string} text
 * @param {object[]} cells the cells that were measured
 * @param {object[]} peers
 */
export function fromData(text, cells, peers) {
  const data = JSON.parse(text);
  const byPeer = (figures) =>
    new Map(peers.flatMap((peer) => (peer.name in figures ? [[peer, figures[peer.name]]] : [])));
  return {
    cells,
    rounds: data.rounds.map((round) => ({
      cells: new Map(cells.map((cell) => [cell, byPeer(round.cells[cell.title])])),
      starts: byPeer(round.starts),
    })),
    memory: byPeer(data.memory),
  };
}
