// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// An aedes on a port of the loopback: node aedes.mjs PORT. It keeps nothing over a restart.
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(process.argv[2]), "127.0.0.1");
