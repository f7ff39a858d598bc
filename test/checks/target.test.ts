import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { defineCheck } from '../../src/checks/define.js';
import { diskCheck } from '../../src/checks/disk/index.js';
import { dnsCheck } from '../../src/checks/dns/index.js';
import { execCheck } from '../../src/checks/exec/index.js';
import { grpcCheck } from '../../src/checks/grpc/index.js';
import { httpCheck } from '../../src/checks/http/index.js';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import { pingpongCheck } from '../../src/checks/pingpong/index.js';
import { postgresCheck } from '../../src/checks/postgres/index.js';
import { targetOfConfig } from '../../src/checks/postgres/login.js';
import { processCheck } from '../../src/checks/process/index.js';
import { redisCheck } from '../../src/checks/redis/index.js';
import { targetOfLogin } from '../../src/checks/redis/login.js';
import { tcpCheck } from '../../src/checks/tcp/index.js';
import { tlsExpiryCheck } from '../../src/checks/tls-expiry/index.js';
import type { CheckDefinition } from '../../src/health/check.js';

const secret = 'hunter2-hunter2';

describe('the target of a check', () => {
  it.each<[string, CheckDefinition, string | undefined]>([
    [
      'http',
      httpCheck({ url: `https://me:${secret}@shop.test:8443/ready?token=${secret}` }),
      'https://shop.test:8443/ready',
    ],
    ['mysql', mysqlCheck({ url: `mysql://me:${secret}@db.test/shop?ssl=false` }), 'mysql://db.test/shop'],
    ['postgres', postgresCheck({ url: `postgres://me:${secret}@[::1]/shop` }), 'postgres://[::1]:5432/shop'],
    ['redis', redisCheck({ url: `redis://:${secret}@cache.test/2` }), 'redis://cache.test:6379/2'],
    [
      'redis through Sentinels',
      redisCheck({ url: `rediss+sentinel://:${secret}@a.test,b.test:1/main` }),
      'rediss+sentinel://a.test:26379,b.test:1/main',
    ],
    ['pingpong', pingpongCheck({ url: 'pong://stock.test', token: secret }), 'pong://stock.test:7464'],
    ['grpc', grpcCheck({ url: 'grpc://stock.test:50051', service: 'stock.v1' }), 'grpc://stock.test:50051 stock.v1'],
    ['tcp', tcpCheck({ url: 'tcp://mail.test:25' }), 'tcp://mail.test:25'],
    ['tls-expiry', tlsExpiryCheck({ url: 'tls://shop.test' }), 'tls://shop.test'],
    ['dns', dnsCheck({ name: 'shop.test', type: 'AAAA', server: '192.0.2.1' }), 'AAAA shop.test at 192.0.2.1'],
    ['disk', diskCheck({ path: '/' }), '/'],
    ['exec', execCheck({ command: '/bin/true', args: [`--token=${secret}`] }), resolve('/bin/true')],
    ['process', processCheck(), undefined],
  ])('of %s is what it contacts or measures, without credentials', (_kind, definition, target) => {
    expect(defineCheck('x', definition).target).toBe(target);
    void definition.close?.();
  });

  it.each([
    [{ host: '::1', port: 1, database: 'shop' }, 'postgres://[::1]:1/shop'],
    [{ connectionString: `postgres://me:${secret}@db.test/shop?password=${secret}` }, 'postgres://db.test/shop'],
    [{ connectionString: `host=db.test password=${secret}` }, undefined],
    [{}, undefined],
  ])('of the pool of a PostgreSQL client %j is %s', (config, target) => expect(targetOfConfig(config)).toBe(target));

  it.each([
    [{ path: '/run/redis.sock', password: secret }, 'redis:///run/redis.sock'],
    [{ host: '::1', port: 1, db: 3, tls: {} }, 'rediss://[::1]:1/3'],
  ])('of a Redis client %j is %s', (login, target) => expect(targetOfLogin(login)).toBe(target));

  it('of the application is masked like an output', () => {
    const run = async () => {};
    const target = `db://me:${secret}@host/x?password=${secret}&a=${secret}-2`;
    const definition = { kind: 'mine', target, secrets: [`${secret}-2`], run } as unknown as CheckDefinition;
    expect(defineCheck('x', definition).target).toBe('db://***@host/x?password=***&a=***');
    expect(() => defineCheck('x', { ...definition, target: 7 } as unknown as CheckDefinition)).toThrow(
      'checks.x.target is 7; allowed: a text',
    );
  });
});
