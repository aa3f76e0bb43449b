#!/bin/sh
# Builds the pinned MinIO server with Go into the cache folder, once. Prints the program's path.
# A `minio` that is already on PATH, or named by EVIDOCK_MINIO, is used as it is.
set -eu

VERSION="v0.0.0-20260212201848-7aac2a2c5b7c"
BIN="${XDG_CACHE_HOME:-$HOME/.cache}/evidock/bin"
STAMP="$BIN/minio.version"

if [ -n "${EVIDOCK_MINIO:-}" ]; then
    [ -x "$EVIDOCK_MINIO" ] || { echo "missing: EVIDOCK_MINIO names no program: $EVIDOCK_MINIO" >&2; exit 1; }
    echo "$EVIDOCK_MINIO"; exit 0
fi
if command -v minio >/dev/null 2>&1; then command -v minio; exit 0; fi
if [ -x "$BIN/minio" ] && { [ ! -f "$STAMP" ] || [ "$(cat "$STAMP")" = "$VERSION" ]; }; then
    echo "$BIN/minio"; exit 0
fi
if ! command -v go >/dev/null 2>&1; then
    echo "missing: minio on PATH, or Go 1.24 or newer to build it (https://go.dev/dl)" >&2; exit 1
fi

echo "building MinIO $VERSION with $(go version | cut -d' ' -f3); this takes a few minutes, once" >&2
mkdir -p "$BIN"
# Built beside and moved into place, so that a broken-off build never looks like the program.
WORK="$(mktemp -d "$BIN/build.XXXXXX")"
trap 'rm -rf "$WORK"' EXIT
GOBIN="$WORK" GOFLAGS="${GOFLAGS:-}" go install "github.com/minio/minio@$VERSION"
mv "$WORK/minio" "$BIN/minio"
echo "$VERSION" >"$STAMP"
echo "$BIN/minio"
