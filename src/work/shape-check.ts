import type { EventArtifact } from '../domain/call-event.ts';
import type { Warning } from '../domain/warnings.ts';

/** JSON longer than this is sealed without having been parsed, and its receipt says so. Bytes. */
const LARGEST_PARSED = 4 * 1024 * 1024;

const ELEMENT_BYTES: Readonly<Record<string, number>> = { f16: 2, bf16: 2, f32: 4, f64: 8, i8: 1, u8: 1 };

export interface ShapeCheck {
  /** Copies what it keeps. */
  push(chunk: Uint8Array): void;
  warnings(): Warning[];
}

/** Whether a derived artifact looks like its kind. It never stops anything: the bytes are sealed as they are. */
export function shapeCheck(shape: 'json' | 'bytes', vector: EventArtifact['vector']): ShapeCheck {
  return shape === 'json' ? jsonCheck() : vectorCheck(vector);
}

function jsonCheck(): ShapeCheck {
  let kept: Buffer[] = [];
  let bytes = 0;
  return {
    push: (chunk) => {
      bytes += chunk.length;
      if (bytes <= LARGEST_PARSED) kept.push(Buffer.from(chunk));
      else kept = [];
    },
    warnings: () => {
      const fits = bytes > 0 && bytes <= LARGEST_PARSED && isJson(Buffer.concat(kept));
      kept = [];
      return fits ? [] : ['SHAPE_UNKNOWN'];
    },
  };
}

function isJson(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function vectorCheck(vector: EventArtifact['vector']): ShapeCheck {
  let bytes = 0;
  const element = ELEMENT_BYTES[vector?.dtype ?? ''];
  const dimensions = vector?.dimensions;
  return {
    push: (chunk) => {
      bytes += chunk.length;
    },
    warnings: () => {
      if (element === undefined || dimensions === undefined) return [];
      return bytes === element * dimensions ? [] : ['VECTOR_SIZE_DIFFERS'];
    },
  };
}
