import { config } from "zod";

// Otherwise zod tries `new Function`, which a strict Content-Security-Policy reports. It looks when a schema is made,
// so this module comes before every other import.
config({ jitless: true });
