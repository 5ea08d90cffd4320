#!/bin/sh
# Installs the stock SDK for Python into .services/python, by hash, and takes the published commitment vectors out of
# its source package; does nothing when both are there. Takes about 20 s.
# A half-made folder has no installed.txt and is made again. One at a time: test files run side by side.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
services=$here/../../../.services
mkdir -p "$services"
exec 9>"$services/python.lock"
flock 9
cd "$services"
cmp -s "$here/requirements.txt" python/installed.txt && exit 0
rm -rf python
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$here/requirements.txt"
python/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps --no-binary :all: \
  --dest python/source -r "$here/vectors.txt"
tar -xzf python/source/aws_encryption_sdk-*.tar.gz -C python --strip-components 3 --wildcards '*/commitment-test-vectors.json'
cp "$here/requirements.txt" python/installed.txt
