/** The peer of the application server's bench: a bare `ws` server that sends the same text to the same sockets. Started with a port for both. */
import { createServer } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

const port = Number(process.argv[2]);
const sockets = new Map<string, Set<WebSocket>>();

new WebSocketServer({ host: "127.0.0.1", port }).on("connection", (socket) => {
  socket.once("message", (data) => {
    const user = String(data);
    const own = sockets.get(user) ?? new Set();
    sockets.set(user, own.add(socket));
    socket.on("close", () => own.delete(socket));
    socket.send("{}");
  });
});

/** A line: the users, a tab, the text. */
createServer((source) => {
  let rest = "";
  source.setEncoding("utf8").on("data", (text) => {
    rest += String(text);
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const [users = "", line = ""] = rest.slice(0, end).split("\t");
      rest = rest.slice(end + 1);
      for (const user of users.split(" ")) for (const socket of sockets.get(user) ?? []) socket.send(line);
    }
  });
}).listen(port + 1, "127.0.0.1");
