#!/bin/sh
# Builds docker/Dockerfile.build on a debootstrap base that has this machine's apt configuration, in
# an engine of its own. Takes root, the packages debootstrap and docker.io, and 10 to 20 minutes.
set -eu
cd "$(dirname "$0")/../.."

if [ "${1:-}" != --inside ]; then
  if [ "$(id -u)" != 0 ]; then
    exec sudo -n env RDEV_CACHE="${RDEV_CACHE:-$HOME/.cache/rdev}" "$0"
  fi
  tar=$(PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 python3 -c \
    'from lab import fetch; fetch.provide("bookworm"); print(fetch.image_tar("bookworm"))')
  dir=$(mktemp -d)
  # The engine dies with its namespace, and its mounts with it. The network stays: the build uses it.
  code=0
  unshare --mount --pid --fork --kill-child=SIGKILL --mount-proc --propagation private \
    "$0" --inside "$dir" "$tar" || code=$?
  rm -rf "$dir"
  find /sys/fs/cgroup -depth -type d -path "*/${dir##*/}*" -exec rmdir {} + 2>/dev/null || true
  exit $code
fi

dir=$2
tar=$3
export DOCKER_HOST="unix://$dir/docker.sock" DOCKER_CONFIG="$dir/config" DOCKER_BUILDKIT=0
dockerd --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none \
  --cgroup-parent="/${dir##*/}" --data-root="$dir/root" --exec-root="$dir/exec" \
  --pidfile="$dir/pid" -H "$DOCKER_HOST" >"$dir/log" 2>&1 &
engine=$!
until docker version >/dev/null 2>&1; do
  kill -0 $engine || {
    tail "$dir/log" >&2
    exit 1
  }
  sleep 0.1
done

mkdir -p "$dir/base/etc/apt" "$dir/base/usr/share/keyrings" "$dir/base/usr/local/share" \
  "$dir/base/etc/ssl"
cp -aL /etc/apt/. "$dir/base/etc/apt"
rm -f "$dir"/base/etc/apt/apt.conf.d/docker-*
cp -aL /usr/share/keyrings/. "$dir/base/usr/share/keyrings"
[ ! -d /etc/ssl/certs ] || cp -aL /etc/ssl/certs "$dir/base/etc/ssl/"
docker import "$tar" rdev-long/bookworm >/dev/null
printf 'FROM rdev-long/bookworm\nRUN rm -f /etc/apt/sources.list\nCOPY . /\n' >"$dir/base/Dockerfile"
docker build -q --network=none -t rdev-long/base "$dir/base"

docker build --network=host -f docker/Dockerfile.build --build-arg BASE=rdev-long/base \
  -t rdev-long/rdev .

docker run --rm --network=none rdev-long/rdev --version
files=$(docker create --network=none rdev-long/rdev)
docker cp "$files:/usr/local/share/rdev" "$dir/share"
docker rm "$files" >/dev/null
"$dir/share/rdev-agent" --version
[ -f "$dir/share/jobtemplates/docker.yaml" ]
docker build -q -f docker/Dockerfile.agent -t rdev-long/agent "$dir/share"
docker run --rm --network=none rdev-long/agent --version
echo "docker_build: both programs built and run"
