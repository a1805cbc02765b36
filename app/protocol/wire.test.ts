import { expect, test } from "vitest";
import { callId, clientFrame, extension, requests, serverFrame, userName } from "./wire.ts";

test("a user name can't carry anything that means something to ESL or SIP", () => {
  for (const good of ["anna", "b.petrov", "x-1"]) expect(userName.safeParse(good).success).toBe(true);
  for (const bad of ["", "Anna", "anna~k3f9", "a b", "a\n", "a@b", "1a", "a".repeat(33), "a{b}"]) expect(userName.safeParse(bad).success).toBe(false);
});

test("an extension is two to six digits, with no line end behind it", () => {
  expect(extension.safeParse("101").success).toBe(true);
  for (const bad of ["1", "1234567", "10a", "101\n", " 101"]) expect(extension.safeParse(bad).success).toBe(false);
});

test("a call id is a UUID and nothing more", () => {
  expect(callId.safeParse("6b3c1f0e-98a1-4f6e-8d5e-0a4c33f1d0aa").success).toBe(true);
  expect(callId.safeParse("6b3c1f0e-98a1-4f6e-8d5e-0a4c33f1d0aa NORMAL_CLEARING").success).toBe(false);
});

test("a password has a bound", () => {
  expect(requests.login.params.safeParse({ user: "anna", password: "x".repeat(201) }).success).toBe(false);
});

test("frames that are not of the protocol are refused", () => {
  expect(clientFrame.safeParse({ type: "request", id: -1, name: "ping", params: {} }).success).toBe(false);
  expect(clientFrame.safeParse({ type: "event", id: 1, name: "ping" }).success).toBe(false);
  expect(serverFrame.safeParse({ type: "event", seq: 0, name: "call", data: {} }).success).toBe(false);
  expect(serverFrame.safeParse({ type: "hello", version: 1, server: "houseline" }).success).toBe(true);
});
