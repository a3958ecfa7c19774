const lineBreak = 0x0a;

/** Cuts a byte stream into lines. Bytes are decoded line by line, so no character is ever cut in two. */
export class LineSplitter {
  #rest: Buffer[] = [];

  /** The lines that this chunk completes, without empty ones. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(lineBreak); end >= 0; end = chunk.indexOf(lineBreak, start)) {
      const part = chunk.subarray(start, end);
      const line = this.#rest.length === 0 ? part.toString() : Buffer.concat([...this.#rest, part]).toString();
      this.#rest = [];
      start = end + 1;
      if (line.trim() !== '') lines.push(line);
    }
    if (start < chunk.length) this.#rest.push(chunk.subarray(start));
    return lines;
  }
}
