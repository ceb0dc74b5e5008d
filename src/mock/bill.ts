// The mock provider's own bill. It never looks at what a proxy thinks it cost: tests use it as the
// oracle.

export interface BillLine {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Bill {
  readonly requests: number;
  readonly byModel: Record<string, BillLine>;
}

export class BillBook {
  readonly #lines = new Map<string, BillLine>();

  /** A request that is being answered. Its input is due now; output as it is generated. */
  open(model: string, inputTokens: number): (outputTokens: number) => void {
    this.#add(model, { requests: 1, inputTokens, outputTokens: 0 });
    let billed = 0;
    return (outputTokens) => {
      this.#add(model, { requests: 0, inputTokens: 0, outputTokens: outputTokens - billed });
      billed = outputTokens;
    };
  }

  bill(): Bill {
    const lines = [...this.#lines.values()];
    return {
      requests: lines.reduce((sum, line) => sum + line.requests, 0),
      byModel: Object.fromEntries(this.#lines),
    };
  }

  #add(model: string, more: BillLine): void {
    const line = this.#lines.get(model);
    this.#lines.set(model, {
      requests: (line?.requests ?? 0) + more.requests,
      inputTokens: (line?.inputTokens ?? 0) + more.inputTokens,
      outputTokens: (line?.outputTokens ?? 0) + more.outputTokens,
    });
  }
}
