// An aedes on a port of the loopback: node aedes.mjs PORT. It keeps nothing over a restart.
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(process.argv[2]), "127.0.0.1");
