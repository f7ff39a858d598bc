// Sets up what the network tests need on this machine, and cleans up afterwards.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export const systemPrograms = {
  ip: 'iproute2',
  iptables: 'iptables',
  microsocks: 'microsocks',
  faketime: 'faketime',
  haproxy: 'haproxy',
  'nc.openbsd': 'netcat-openbsd',
  'prometheus-blackbox-exporter': 'prometheus-blackbox-exporter',
  setpriv: 'util-linux',
  chromium: 'chromium',
  curl: 'curl',
  php: 'php-cli',
  go: 'golang-go',
  prlimit: 'util-linux',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  mariadbd: 'mariadb-server',
  'mariadb-install-db': 'mariadb-server',
  'redis-server': 'redis-server',
  sysctl: 'procps',
  python3: 'python3-minimal',
  'systemd-analyze': 'systemd',
  'systemd-notify': 'systemd',
  h2load: 'nghttp2-client',
  // Modules of Debian's Python, as paths relative to /usr/bin.
  '../lib/python3/dist-packages/grpc': 'python3-grpcio',
  '../lib/python3/dist-packages/google/protobuf': 'python3-protobuf',
};

/** Tests that take minutes and run only with `--with NAME`. */
export const optionalTests = {
  image: {
    description: 'builds deploy/Dockerfile with podman, and runs it',
    programs: {
      podman: 'podman',
      runc: 'runc',
      debootstrap: 'debootstrap',
      nsenter: 'util-linux',
      unshare: 'util-linux',
    },
  },
};

/** Removes the network namespaces left behind by earlier runs, if there are any. */
export function removeNamespaces() {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [name, pid] of (stdout ?? '').matchAll(/^pongcheck-(\d+)-\S+/gm)) {
    if (!existsSync(`/proc/${pid}`)) spawnSync('ip', ['netns', 'delete', name]);
  }
}
