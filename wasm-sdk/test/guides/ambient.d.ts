/** What pages of the guide use of Cloudflare's runtime, which brings types of its own. */
declare module 'cloudflare:workers' {
  export class DurableObject<Env> {
    constructor(ctx: DurableObjectState, env: Env);
    protected ctx: DurableObjectState;
    protected env: Env;
  }
}

interface DurableObjectState {
  readonly storage: import('henge/durable-object').DurableObjectStorageLike;
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
}
