export interface StockRequest {
  readonly callKey: Buffer;
  readonly namespace: string;
  readonly keyName: string;
  readonly context: Readonly<Record<string, string>>;
  readonly frameLength: number;
}

/** A published library that reads and writes the same format. Rejects when it refuses. */
export interface StockReader {
  open(sealed: Buffer, request: StockRequest): Promise<{ plain: Buffer; context: Record<string, string> }>;
  seal(plain: Buffer, request: StockRequest): Promise<Buffer>;
}
