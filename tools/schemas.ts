// docs/schemas/*.json: JSON Schema of the events, from the zod schemas that the product parses with.
// usage: node tools/schemas.ts   (make docs)
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { AUDIT_TYPE } from '../src/domain/audit-event.ts';
import { auditEventSchema, claimCheckSchema } from '../src/domain/audit-schema.ts';
import { CALL_COMPLETED, callEventSchema } from '../src/domain/call-event.ts';
import { CALL_OUTCOME, outcomeSchema, TRANSCRIPT_SEALED } from '../src/domain/outcome-event.ts';

/** File name to text. */
export function schemaDocuments(): Map<string, string> {
  const schemas: readonly (readonly [type: string, title: string, schema: z.ZodType])[] = [
    [CALL_COMPLETED, 'A finished call, as the edge sends it', callEventSchema],
    [CALL_OUTCOME, 'The one final answer for a delivery', outcomeSchema],
    [
      `${TRANSCRIPT_SEALED}.claim-check`,
      'Where a sealed transcript stands that is too large for its event',
      claimCheckSchema,
    ],
    [AUDIT_TYPE, 'One audit event', auditEventSchema],
  ];
  return new Map(
    schemas.map(([type, title, schema]) => {
      const text = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
      return [`docs/schemas/${type}.json`, `${JSON.stringify({ title, ...text }, undefined, 2)}\n`];
    }),
  );
}

if (import.meta.main) {
  for (const [path, text] of schemaDocuments()) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
