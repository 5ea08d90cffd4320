# The worker and the operator's command. Nothing in it is chosen by a tag that moves: NODE_IMAGE has no default and must
# hold a digest, which only somebody who can reach a registry can look up (docs/deploy.md says how).
#   docker build --build-arg NODE_IMAGE=docker.io/library/node:24-trixie-slim@sha256:… -t callseal .
ARG NODE_IMAGE

FROM ${NODE_IMAGE} AS build
ARG NODE_IMAGE
SHELL ["/bin/sh", "-eu", "-c"]
RUN case "${NODE_IMAGE}" in *@sha256:*) ;; *) echo "NODE_IMAGE names no digest: NAME@sha256:…" >&2; exit 1 ;; esac; \
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 24 || (a === 24 && b < 12)) throw Error("Node.js 24.12 or newer is needed")'
WORKDIR /source
COPY . .
RUN sh deploy/image/build.sh /app

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="callseal" \
      org.opencontainers.image.licenses="Apache-2.0"
# What installs software has nothing to do at run time.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn*
# Owned by root and written by nobody: the process runs as another user, and its root is mounted read-only.
COPY --from=build /app /app
ENV NODE_ENV=production \
    CALLSEAL_DATA=/data/callseal \
    PATH=/app/bin:/usr/local/bin:/usr/bin:/bin
# The one place it writes: a tmpfs is enough, nothing in it has to outlive the container under --profile production.
RUN install -d -o 65532 -g 65532 -m 0700 /data
VOLUME /data
WORKDIR /app
USER 65532:65532
EXPOSE 9400 9401
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/bin/health.mjs"]
ENTRYPOINT ["/app/bin/worker"]
CMD ["--profile", "production"]
