import { isFull, type Medium } from '../media/medium.js';
import type { EdgeEngine, EdgeListener } from './henge_edge.js';

/** Serves what an engine asks of its medium. */
export class MediumServer implements Pick<EdgeListener, 'append' | 'sync' | 'load' | 'replace' | 'truncate' | 'remove'> {
  #medium: Medium;
  #use: (work: (engine: EdgeEngine) => void) => void;

  /** `use` does something with the engine. */
  constructor(medium: Medium, use: (work: (engine: EdgeEngine) => void) => void) {
    this.#medium = medium;
    this.#use = use;
  }

  append(operation: number, file: string, offset: number, bytes: Uint8Array): void {
    this.#serve(operation, this.#medium.append(file, offset, bytes.slice()));
  }

  sync(operation: number, file: string): void {
    this.#serve(operation, this.#medium.sync(file));
  }

  load(operation: number, file: string, offset: number, length: number): void {
    this.#serve(operation, this.#medium.read(file, offset, length));
  }

  replace(operation: number, file: string, bytes: Uint8Array): void {
    this.#serve(operation, this.#medium.replace(file, bytes.slice()));
  }

  truncate(operation: number, file: string, length: number): void {
    this.#serve(operation, this.#medium.truncate(file, length));
  }

  remove(operation: number, file: string): void {
    this.#serve(operation, this.#medium.remove(file));
  }

  #serve(operation: number, result: Promise<Uint8Array | void>): void {
    result.then(
      (bytes) => this.#use((engine) => engine.done(operation, bytes ?? undefined)),
      (error) => this.#use((engine) => engine.fault(operation, isFull(error), String((error as Error)?.message ?? error))),
    );
  }
}
