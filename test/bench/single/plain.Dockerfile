# The peer of './houseline bench images': everything in one image, as it is written without a thought of what an upgrade moves.
# Packages, then all files, then what is made of them.
FROM caddy:2 AS caddy

FROM node:24-bookworm-slim AS page
WORKDIR /srv/houseline
COPY . .
RUN --mount=type=cache,id=single,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=certificates \
    NODE_EXTRA_CA_CERTS=/run/secrets/certificates npm ci --workspace app/client --include-workspace-root --no-fund --no-audit && node app/softphone/build.mjs

FROM node:24-bookworm-slim
ARG FREESWITCH_APT_SOURCE=
# Another value asks the source of packages again; docker build alone would not.
ARG PACKAGES=
COPY images/freeswitch/packages.txt /build/
RUN if [ -n "$FREESWITCH_APT_SOURCE" ]; then echo "$FREESWITCH_APT_SOURCE" > /etc/apt/sources.list.d/freeswitch.list; wanted=$(grep -v '^#' /build/packages.txt); fi \
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends ca-certificates espeak-ng sox $wanted > /dev/null && rm -rf /var/lib/apt/lists/*
COPY --from=caddy /usr/bin/caddy /usr/bin/caddy
WORKDIR /srv/houseline
COPY . .
COPY --from=page /srv/houseline/app/softphone/dist /srv/softphone
RUN --mount=type=cache,id=single,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=certificates \
    NODE_EXTRA_CA_CERTS=/run/secrets/certificates npm ci --omit=dev --workspace app/server --workspace app/sip-gate --no-fund --no-audit \
 && bash images/freeswitch-sound/make-sounds.sh /usr/share/freeswitch/sounds auto
