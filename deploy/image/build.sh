#!/bin/sh
# What the image holds, made in a folder: the Dockerfile runs it, and a test does where there is no container engine.
# Needs Node.js and npm on the PATH, and to stand in the root of the sources.
# usage: sh deploy/image/build.sh FOLDER
set -eu
out=$1
mkdir -p "$out/bin"

npm ci --prefer-offline --loglevel=error
node_modules/.bin/tsc -p tsconfig.build.json
npm prune --omit=dev --loglevel=error
# `npm sbom --omit=dev` leaves out what development needs as well, such as the AWS SDK: so nothing is omitted, and the
# folder is asked after development has left it.
npm pkg delete devDependencies
npm sbom --sbom-format=cyclonedx >"$out/sbom.cdx.json"

mv dist node_modules "$out/"
cp -R package.json LICENSE config "$out/"
cp deploy/image/worker deploy/image/callseal deploy/image/health.mjs "$out/bin/"
chmod 755 "$out/bin/worker" "$out/bin/callseal"
