import { DatabaseError } from 'pg';
import { describe, expect, test } from 'vitest';
import {
  Conflict,
  connectFailure,
  isRefusedCommit,
  translated,
} from '../../../src/adapters/postgres/failures.ts';
import { CallsealError, codeOf } from '../../../src/domain/errors.ts';

function said(state: string): DatabaseError {
  return Object.assign(new DatabaseError('as told', 0, 'error'), { code: state });
}

describe('what a failed statement means', () => {
  const DOWN = {
    '08006': 'connection failure',
    '53300': 'too many connections',
    '53100': 'disk full',
    '57P01': 'administrator ends the connection',
    '57014': 'statement timeout',
    '55P03': 'lock timeout',
    '58030': 'I/O error',
    '25006': 'a standby only reads',
    '28P01': 'the password was changed',
  };
  for (const [state, what] of Object.entries(DOWN)) {
    test(`${state}, ${what}: REGISTRY_DOWN`, () => {
      expect(translated(said(state))).toMatchObject({ code: 'REGISTRY_DOWN', cause: { code: state } });
    });
  }

  test('damage is REGISTRY_DAMAGED', () => {
    for (const state of ['XX001', 'XX002']) expect(codeOf(translated(said(state)))).toBe('REGISTRY_DAMAGED');
  });

  test('a deadlock or a conflict may be tried again', () => {
    for (const state of ['40P01', '40001']) expect(translated(said(state))).toBeInstanceOf(Conflict);
  });

  test('a wrong statement, a constraint or a missing right is a defect and stays what it is', () => {
    for (const state of ['42601', '23505', '42501', 'XX000']) {
      const cause = said(state);
      expect(translated(cause)).toBe(cause);
    }
  });

  test('no answer of the server is a lost connection; an error of ours is left alone', () => {
    expect(codeOf(translated(new Error('Connection terminated unexpectedly')))).toBe('REGISTRY_DOWN');
    const ours = new CallsealError('FENCED', 'as told');
    expect(translated(ours)).toBe(ours);
  });
});

test('only a conflict, a constraint or an earlier failure says for sure that COMMIT did not happen', () => {
  for (const state of ['40001', '40P01', '23505', '25P02']) expect(isRefusedCommit(said(state))).toBe(true);
  for (const state of ['40003', '57P01', '57014', '53100', 'XX000', '08006']) {
    expect(isRefusedCommit(said(state))).toBe(false);
  }
  expect(isRefusedCommit(new Error('read ECONNRESET'))).toBe(false);
});

describe('a connection that cannot be made', () => {
  const network = (code: string): Error => Object.assign(new Error('as told'), { code });

  test('says why in codes, and what to look at where it is TLS', () => {
    expect(connectFailure(network('ECONNREFUSED'), 'BAD_CONFIG')).toMatchObject({
      code: 'REGISTRY_DOWN',
      message: 'the database cannot be reached (ECONNREFUSED)',
      hint: undefined,
    });
    for (const code of [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'ERR_SSL_NO_PROTOCOLS',
    ]) {
      expect(connectFailure(network(code), 'BAD_CONFIG').hint).toMatch(/^TLS failed: /);
    }
    const plain = new Error('The server does not support SSL connections');
    expect(connectFailure(plain, 'BAD_CONFIG').hint).toMatch(/turn ssl on/);
  });

  test('is a matter of the settings while a program opens, and a pause in one that runs', () => {
    for (const state of ['28P01', '28000', '3D000', '42501']) {
      expect(connectFailure(said(state), 'BAD_CONFIG').code).toBe('BAD_CONFIG');
      expect(connectFailure(said(state), 'REGISTRY_DOWN').code).toBe('REGISTRY_DOWN');
    }
    expect(connectFailure(said('57P03'), 'BAD_CONFIG').code).toBe('REGISTRY_DOWN'); // it is starting up
  });
});
