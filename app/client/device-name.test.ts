import { expect, test } from "vitest";
import { deviceName } from "./device-name.ts";

test("a device is called by its application, browser and system", () => {
  expect(deviceName("CRM", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0")).toBe("CRM, Edge on Windows");
  expect(deviceName("CRM", "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36")).toBe("CRM, Chrome on Android");
  expect(deviceName("CRM", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1")).toBe("CRM, Safari on iOS");
  expect(deviceName("x".repeat(200), "")).toHaveLength(80);
});
