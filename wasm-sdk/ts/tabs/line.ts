/** A channel between tabs, or a port between a tab and a worker. */
export interface Wire {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** What leads from one end to the other. All that is said until a task ends goes as one message: each has its price. */
export class Line<Said, Heard> {
  #wire: Wire;
  #waiting: Said[] = [];
  #isClosed = false;

  constructor(wire: Wire, hear: (heard: Heard) => void) {
    this.#wire = wire;
    wire.onmessage = ({ data }: MessageEvent<Heard[]>) => {
      for (const heard of data) hear(heard);
    };
  }

  /** Says something; nobody hears it if the line is closed. */
  say(said: Said): void {
    if (this.#waiting.push(said) === 1) queueMicrotask(() => this.#send());
  }

  /** Ends it, when what was said before is on its way. */
  close(): void {
    this.#send();
    this.#isClosed = true;
    this.#wire.close();
  }

  #send(): void {
    const said = this.#waiting;
    this.#waiting = [];
    if (said.length > 0 && !this.#isClosed) this.#wire.postMessage(said);
  }
}
