# The second peer: the same single image, its layers ordered by hand so that what changes most comes last.
FROM caddy:2 AS caddy

FROM node:24-bookworm-slim AS page
WORKDIR /srv/houseline
COPY . .
RUN --mount=type=cache,id=single,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=certificates \
    NODE_EXTRA_CA_CERTS=/run/secrets/certificates npm ci --workspace app/client --include-workspace-root --no-fund --no-audit && node app/softphone/build.mjs

FROM node:24-bookworm-slim
ARG FREESWITCH_APT_SOURCE=
ARG PACKAGES=
COPY images/freeswitch/packages.txt /build/
RUN if [ -n "$FREESWITCH_APT_SOURCE" ]; then echo "$FREESWITCH_APT_SOURCE" > /etc/apt/sources.list.d/freeswitch.list; wanted=$(grep -v '^#' /build/packages.txt); fi \
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends ca-certificates espeak-ng sox $wanted > /dev/null && rm -rf /var/lib/apt/lists/*
COPY --from=caddy /usr/bin/caddy /usr/bin/caddy
COPY images/freeswitch-sound /build/sounds
RUN bash /build/sounds/make-sounds.sh /usr/share/freeswitch/sounds auto
WORKDIR /srv/houseline
COPY package.json package-lock.json .npmrc ./
COPY app/server/package.json app/server/
COPY app/sip-gate/package.json app/sip-gate/
RUN --mount=type=cache,id=single,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=certificates \
    NODE_EXTRA_CA_CERTS=/run/secrets/certificates npm ci --omit=dev --workspace app/server --workspace app/sip-gate --no-fund --no-audit
COPY --from=page /srv/houseline/app/softphone/dist /srv/softphone
COPY images images
COPY app app
