import { expect, test } from "vitest";
import type { Message } from "../protocol/wire.ts";
import { Messages } from "./messages.ts";
import type { Request } from "./request.ts";

type Answers = Record<string, (params: never) => unknown>;

function make(answers: Answers): { messages: Messages; asked: [string, unknown][] } {
  const asked: [string, unknown][] = [];
  const request = (async (name: string, params: never) => {
    asked.push([name, params]);
    return answers[name]?.(params) ?? {};
  }) as unknown as Request;
  return { messages: new Messages(request, () => "anna"), asked };
}

const message = (id: number, from: string, to: string, body: string, state: Message["state"] = "sent"): Message => ({ id, from, to, body, sentAt: id * 1_000, state });

test("a message stands in the thread at once, and once, whichever of event and answer comes first", async () => {
  const sent = message(7, "anna", "boris", "Hello");
  for (const eventFirst of [true, false]) {
    const { messages } = make({ sendMessage: () => { if (eventFirst) messages.onMessage({ message: sent }); return { message: sent }; } });
    const sending = messages.send("boris", "Hello");
    expect(messages.thread("boris").map(({ body }) => body)).toEqual(["Hello"]);
    await sending;
    if (!eventFirst) messages.onMessage({ message: sent });
    expect(messages.thread("boris").map(({ id, state }) => [id, state])).toEqual([[7, "sent"]]);
  }
});

test("one that could not be sent says so, and is sent again under the same number", async () => {
  let refuse = true;
  const { messages, asked } = make({ sendMessage: () => { if (refuse) throw new Error("no connection"); return { message: message(8, "anna", "boris", "Hello") }; } });
  await expect(messages.send("boris", "Hello")).rejects.toThrow("no connection");
  expect(messages.thread("boris")[0]?.state).toBe("failed");
  refuse = false;
  await messages.resend("boris", messages.thread("boris")[0]!.key);
  expect(messages.thread("boris").map(({ state }) => state)).toEqual(["sent"]);
  const ids = asked.filter(([name]) => name === "sendMessage").map(([, params]) => (params as { clientId: string }).clientId);
  expect(ids[0]).toBe(ids[1]);
});

test("what comes in is unread and counts as delivered, until this person has seen it", async () => {
  const { messages, asked } = make({});
  messages.onMessage({ message: message(3, "boris", "anna", "Are you there?") });
  expect(messages.unread).toBe(1);
  expect(asked).toEqual([["markMessages", { with: "boris", upTo: 3, state: "delivered" }]]);
  await messages.markRead("boris");
  expect(messages.unread).toBe(0);
  expect(asked.at(-1)).toEqual(["markMessages", { with: "boris", upTo: 3, state: "read" }]);
});

test("marks of the other side rise, and never fall", () => {
  const { messages } = make({});
  messages.onMessage({ message: message(1, "anna", "boris", "One") });
  messages.onMessage({ message: message(2, "anna", "boris", "Two") });
  messages.onMessageState({ with: "boris", upTo: 1, state: "read" });
  messages.onMessageState({ with: "boris", upTo: 2, state: "delivered" });
  expect(messages.thread("boris").map(({ state }) => state)).toEqual(["read", "delivered"]);
  expect(messages.conversations[0]?.last.state).toBe("delivered");
});

test("a thread is loaded page by page, oldest first", async () => {
  const pages = [Array.from({ length: 50 }, (_, index) => message(60 - index, "boris", "anna", `${60 - index}`)), [message(10, "anna", "boris", "10")]];
  const { messages, asked } = make({ listMessages: () => ({ messages: pages.shift() }) });
  await messages.open("boris");
  expect(messages.isComplete("boris")).toBe(false);
  await messages.older("boris");
  expect(messages.thread("boris")).toHaveLength(51);
  expect(messages.thread("boris")[0]?.body).toBe("10");
  expect(messages.isComplete("boris")).toBe(true);
  expect(asked.map(([, params]) => (params as { before?: number }).before)).toEqual([undefined, 11]);
});
