import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: any;
  /** Local port of the connection. */
  port: number;
}

export interface Asking {
  method?: string;
  body?: string;
  agent?: Agent;
}

/** Sends a request over a real socket. Without an agent, uses a new connection that ends with the response. */
export function ask(url: string, { method = 'GET', body, agent }: Asking = {}): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: agent ?? false }, (response) => {
      const port = response.socket.localPort as number;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        const json = /json/.test(headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined;
        resolve({ status, headers, text, json, port });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** An agent with one connection that is kept between requests. */
export function keptConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}
