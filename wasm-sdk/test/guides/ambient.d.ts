/** What pages of the guide use of Cloudflare's runtime, which brings types of its own. */
declare module 'cloudflare:workers' {
  export class DurableObject<Env> {
    constructor(ctx: DurableObjectState, env: Env);
    protected ctx: DurableObjectState;
    protected env: Env;
  }
}

interface DurableObjectState extends Omit<import('henge/durable-object').DurableObjectStateLike, 'acceptWebSocket' | 'getWebSockets'> {
  acceptWebSocket(socket: WebSocket): void;
  getWebSockets(): WebSocket[];
}

/** A socket can keep something that outlives the object in memory. */
interface WebSocket {
  serializeAttachment(attachment: unknown): void;
  deserializeAttachment(): unknown;
}
