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
    ['mysql', mysqlCheck({ url: `mysql://me:${secret}@db.test/shop?ssl=false` }), 'mysql://db.test:3306/shop'],
    ['mysql of a mariadb URL', mysqlCheck({ url: 'mariadb://[::1]' }), 'mysql://[::1]:3306'],
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
    [{ connectionString: `postgresql://me:${secret}@db.test/shop?password=${secret}` }, 'postgres://db.test:5432/shop'],
    [{ connectionString: `postgres://me:${secret}@[::1]:1` }, 'postgres://[::1]:1'],
    [{ host: '/run/postgresql', database: 'shop' }, 'postgres:///run/postgresql/.s.PGSQL.5432 shop'],
    [{ connectionString: 'postgres:///shop?host=/run/postgresql' }, undefined],
    [{ connectionString: `host=db.test password=${secret}` }, undefined],
    [{}, undefined],
  ])('of a PostgreSQL pool with %j is %s', (config, target) => expect(targetOfConfig(config)).toBe(target));

  it.each([
    [{ path: '/run/redis.sock', password: secret }, 'redis:///run/redis.sock'],
    [{ path: '/run/redis.sock', db: 2 }, 'redis:///run/redis.sock 2'],
    [{ host: '::1', port: 1, db: 3, tls: {} }, 'rediss://[::1]:1/3'],
  ])('of a Redis client with %j is %s', (login, target) => expect(targetOfLogin(login)).toBe(target));

  it.each([
    ['services/T00000000/B00000000/XyZ4567890abcdefghij1234', 'services/T00000000/B00000000/***'],
    ['bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe', '***/getMe'],
    ['4fa85f64-5717-4562-b3fc-2c963f66afa6/start', '***/start'],
    ['@scope/package', '%40scope/package'],
    ['a-very-long-name-of-a-health-check', 'a-very-long-name-of-a-health-check'],
    ['api/v1/ready', 'api/v1/ready'],
  ])('of http with the path %s has the path %s', (path, shown) => {
    const definition = httpCheck({ url: `https://shop.test/${path}` });
    expect(defineCheck('x', definition).target).toBe(`https://shop.test/${shown}`);
    void definition.close?.();
  });

  it('has no mask in scheme and host, which would reveal the password', () => {
    const definition = redisCheck({ url: 'redis://:redis@redis/1' });
    expect(defineCheck('x', definition).target).toBe('redis://redis:6379/1');
    void definition.close?.();
  });

  it('that the application defines is masked like an output', () => {
    const run = async () => {};
    const target = `db://me:${secret}@host/x?password=${secret}&a=${secret}-2`;
    const definition = { kind: 'mine', target, secrets: [`${secret}-2`], run } as unknown as CheckDefinition;
    expect(defineCheck('x', definition).target).toBe('db://***@host/x?password=***&a=***');
    const long = { ...definition, target: `db://host/${'x'.repeat(185)}/${secret}-2` };
    expect(defineCheck('x', long).target).not.toContain('hun');
    expect(() => defineCheck('x', { ...definition, target: 7 } as unknown as CheckDefinition)).toThrow(
      'checks.x.target is 7; allowed: a string',
    );
  });
});
