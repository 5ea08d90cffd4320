import type { Code, Scope } from '../domain/errors.ts';

export interface PausedScope extends Scope {
  readonly code: Code;
  readonly since: Date;
}

interface Gate extends PausedScope {
  delayMs: number;
  timer: NodeJS.Timeout | undefined;
  opened: PromiseWithResolvers<void>;
  /** `due`: the next delivery is let through to see whether the dependency is back; `out`: it is on its way. */
  probe: 'none' | 'due' | 'out';
}

export interface IntakeOptions {
  readonly now: () => Date;
  /** First wait before a probe; doubles up to `maxProbeMs` while the probes fail. */
  readonly firstProbeMs: number;
  readonly maxProbeMs: number;
  /** Told once per pause and once per resume, not per delivery. */
  readonly onChange?: (change: 'paused' | 'resumed', scope: PausedScope) => void;
}

/** What a delivery waits for. */
export interface Blocked {
  readonly code: Code;
  readonly resumed: Promise<void>;
}

/** A tenant that an operator has paused. */
export interface OperatorPause {
  readonly tenant: string;
  readonly since: Date;
}

interface Held extends PausedScope {
  readonly ended: PromiseWithResolvers<void>;
}

/**
 * Who has to wait because a dependency is away: everybody, a tenant, or one source alias of a tenant. After a while
 * one delivery is let through as a probe; when it gets past, all go on, and when it fails again, they wait longer.
 * A tenant that an operator has paused waits without probes, until the operator says otherwise.
 */
export interface Intake {
  /** @returns what to wait for, or undefined where nothing is in the way (or this delivery is the probe). */
  blocked(tenant: string | undefined, aliases: readonly string[]): Blocked | undefined;
  /** A delivery met this failure. `probeMs` overrides the first wait. @returns the promise to wait for */
  pause(scope: Scope, code: Code, probeMs?: number): Promise<void>;
  /** A delivery of this tenant, that used these aliases, got through. */
  passed(tenant: string | undefined, aliases: readonly string[]): void;
  /** A delivery ended and said nothing of what is paused: where it was the probe, the next one is. */
  undecided(tenant: string | undefined, aliases: readonly string[]): void;
  /** All tenants that operators pause now: new ones wait from here on, those that are gone go on. */
  holdTenants(pauses: readonly OperatorPause[]): void;
  paused(): readonly PausedScope[];
  close(): void;
}

export function intake(options: IntakeOptions): Intake {
  const gates = new Map<string, Gate>();
  const held = new Map<string, Held>();
  const nameOf = ({ tenant, alias }: Scope): string => `${tenant ?? ''} ${alias ?? ''}`;
  const scopesOf = (tenant: string | undefined, aliases: readonly string[]): Scope[] => [
    {},
    ...(tenant === undefined ? [] : [{ tenant }, ...aliases.map((alias) => ({ tenant, alias }))]),
  ];
  const gatesOf = (tenant: string | undefined, aliases: readonly string[]): Gate[] =>
    scopesOf(tenant, aliases).flatMap((scope) => gates.get(nameOf(scope)) ?? []);
  const release = (gate: Gate): void => {
    const { opened } = gate;
    gate.opened = Promise.withResolvers();
    opened.resolve();
  };
  const arm = (gate: Gate): void => {
    clearTimeout(gate.timer);
    gate.timer = setTimeout(() => {
      gate.probe = 'due';
      release(gate);
    }, gate.delayMs);
  };

  return {
    blocked: (tenant, aliases) => {
      // Before the gates: what an operator holds is no probe of theirs.
      const hold = tenant === undefined ? undefined : held.get(tenant);
      if (hold) return { code: hold.code, resumed: hold.ended.promise };
      const met = gatesOf(tenant, aliases);
      const shut = met.find(({ probe }) => probe !== 'due');
      if (shut) return { code: shut.code, resumed: shut.opened.promise };
      // Only a delivery that really goes is a probe: one that another gate holds would come back to neither.
      for (const gate of met) gate.probe = 'out';
      return undefined;
    },
    pause: async (scope, code, probeMs) => {
      const name = nameOf(scope);
      let gate = gates.get(name);
      // A probe that is due may never come: then this failure, of a delivery that was on its way, stands for it.
      if (gate && gate.probe !== 'none') {
        gate.delayMs = Math.min(gate.delayMs * 2, Math.max(options.maxProbeMs, probeMs ?? 0));
        gate.probe = 'none';
        arm(gate);
      } else if (!gate) {
        gate = {
          ...scope,
          code,
          since: options.now(),
          delayMs: probeMs ?? options.firstProbeMs,
          timer: undefined,
          opened: Promise.withResolvers(),
          probe: 'none',
        };
        gates.set(name, gate);
        arm(gate);
        options.onChange?.('paused', gate);
      }
      await gate.opened.promise;
    },
    passed: (tenant, aliases) => {
      for (const gate of gatesOf(tenant, aliases)) {
        clearTimeout(gate.timer);
        gates.delete(nameOf(gate));
        options.onChange?.('resumed', gate);
        gate.opened.resolve();
      }
    },
    undecided: (tenant, aliases) => {
      for (const gate of gatesOf(tenant, aliases)) {
        if (gate.probe !== 'out') continue;
        gate.probe = 'due';
        release(gate);
      }
    },
    holdTenants: (pauses) => {
      const wanted = new Map(pauses.map((pause) => [pause.tenant, pause]));
      for (const [tenant, hold] of held) {
        if (wanted.has(tenant)) continue;
        held.delete(tenant);
        options.onChange?.('resumed', hold);
        hold.ended.resolve();
      }
      for (const [tenant, { since }] of wanted) {
        if (held.has(tenant)) continue;
        const hold = { tenant, code: 'INTAKE_PAUSED', since, ended: Promise.withResolvers<void>() } as const;
        held.set(tenant, hold);
        options.onChange?.('paused', hold);
      }
    },
    paused: () =>
      [...held.values(), ...gates.values()].map(({ tenant, alias, code, since }) => ({
        ...(tenant === undefined ? {} : { tenant }),
        ...(alias === undefined ? {} : { alias }),
        code,
        since,
      })),
    close: () => {
      for (const gate of gates.values()) {
        clearTimeout(gate.timer);
        gate.opened.resolve();
      }
      gates.clear();
      for (const { ended } of held.values()) ended.resolve();
      held.clear();
    },
  };
}
