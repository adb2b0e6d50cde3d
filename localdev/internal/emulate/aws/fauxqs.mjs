// Serves fauxqs on loopback only: its own command listens on every address.
// Arguments: the folder of the module, the port.
import { pathToFileURL } from "node:url";
const [folder, port] = process.argv.slice(-2);
const { buildApp } = await import(pathToFileURL(folder + "/dist/app.js").href);
const app = buildApp({ logger: false });
process.on("SIGTERM", () => app.close().then(() => process.exit(0)));
await app.listen({ host: "127.0.0.1", port: Number(port) });
