#!/bin/sh
# Puts a file as a comment under the merge request that CI runs for; on a laptop it shows it. Usage: ci/comment.sh FILE
# GitHub: GITHUB_TOKEN, and the number in PULL_REQUEST. GitLab: HOUSELINE_COMMENT_TOKEN, a project token with the scope api.
set -eu
file=$1
[ -r "$file" ] || { echo "ci/comment.sh: there is no file $file" >&2; exit 1; }

if [ -n "${GITHUB_REPOSITORY:-}" ] && [ -n "${PULL_REQUEST:-}" ]; then
  url=${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments
  token="Authorization: Bearer ${GITHUB_TOKEN:?ci/comment.sh: GITHUB_TOKEN is not set}"
elif [ -n "${CI_MERGE_REQUEST_IID:-}" ]; then
  url=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes
  token="PRIVATE-TOKEN: ${HOUSELINE_COMMENT_TOKEN:?ci/comment.sh: HOUSELINE_COMMENT_TOKEN is not set}"
else
  cat "$file"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# In a file, not on the command line, which every user of the machine may read.
(umask 077; printf '%s\n' "$token" > "$work/header")
# At most 60,000 characters: both refuse longer comments.
node -e '
  const text = require("node:fs").readFileSync(process.argv[1], "utf8").slice(0, 60000);
  process.stdout.write(JSON.stringify({ body: "```\n" + text.replaceAll("```", "` ` `") + "\n```" }));
' "$file" > "$work/body.json"
curl --silent --show-error --fail --retry 3 --header @"$work/header" --header "Content-Type: application/json" --data @"$work/body.json" --output /dev/null "$url"
