import { globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** Who may import whom (docs/architecture.md): each part names the folders it must not reach into. */
const forbidden = {
  "app/protocol": ["app/server", "app/client", "app/softphone", "app/lab-switch", "pulumi", "cli", "test"],
  "app/server": ["app/client", "app/softphone", "app/lab-switch", "pulumi", "cli", "test"],
  "app/client": ["app/server", "app/softphone", "app/lab-switch", "pulumi", "cli", "test"],
  "app/softphone": ["app/server", "app/lab-switch", "pulumi", "cli", "test"],
  "app/lab-switch": ["app/server", "app/client", "app/softphone", "pulumi", "cli", "test"],
  "app/sip-gate": ["app/protocol", "app/server", "app/client", "app/softphone", "app/lab-switch", "pulumi", "cli", "test"],
  "app/limits": ["app/protocol", "app/server", "app/client", "app/softphone", "app/lab-switch", "app/sip-gate", "pulumi", "cli", "test"],
  "pulumi": ["app", "cli", "test"],
  "cli": ["app", "test"],
  "tools": ["app/server", "app/client", "app/softphone", "app/lab-switch", "app/sip-gate", "test"],
};

const importRules = Object.entries(forbidden).map(([from, folders]) => ({
  files: [`${from}/**/*.ts`],
  rules: {
    "no-restricted-imports": ["error", {
      patterns: folders.map((folder) => ({
        regex: folder.startsWith("app/") && from.startsWith("app/") ? `^(\\.\\./)+${folder.slice(4)}/` : `^(\\.\\./)+${folder}/`,
        message: `${from} must not import ${folder} (docs/architecture.md, "Who may import whom").`,
      })),
    }],
  },
}));

export default tseslint.config(
  globalIgnores(["node_modules", ".houseline", "**/dist"]),
  ...tseslint.configs.recommended,
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-console": "off",
      "eqeqeq": "error",
    },
  },
  ...importRules,
);
