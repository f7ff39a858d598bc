/** Platforms on which the kernel distributes connections among several listeners on one port. */
const platforms: readonly string[] = ['linux', 'freebsd', 'sunos', 'aix'];

/** Whether this version of Node.js, such as `v22.12.0`, supports the `reusePort` option of `server.listen`. */
export function hasReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

/**
 * Describes what is missing for several listeners on one port, and what was found instead; undefined if nothing is
 * missing.
 */
export function missingForReusePort(version: string, platform: string): string | undefined {
  if (!hasReusePort(version)) return `Node.js >= 22.12 or >= 23.1; found ${version}`;
  return platforms.includes(platform) ? undefined : `Linux, FreeBSD, Solaris or AIX; found ${platform}`;
}
