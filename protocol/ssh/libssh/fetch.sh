#!/bin/sh
# fetch.sh DIR: puts libssh's source into DIR/libssh-UPSTREAM and prints that path.
# It is Debian's source package of the unstable suite, got through apt's signed indexes from the
# mirror that this machine already uses, in apt directories of its own: nothing of the system changes.
set -eu
dir=${1:?usage: fetch.sh DIR}
mkdir -p "$dir/lists/partial" "$dir/archives/partial"
dir=$(cd "$dir" && pwd)

if [ -z "${RDEV_LIBSSH_REFRESH:-}" ] && [ -s "$dir/current" ] && [ -d "$(cat "$dir/current")" ]; then
  cat "$dir/current"
  exit 0
fi
exec 9>"$dir/lock"
command -v flock >/dev/null && flock 9

# shellcheck disable=SC2016 # apt's own variable
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
if [ -z "$mirror" ]; then
  echo "fetch.sh: apt knows no Debian mirror here; give CMake -DLIBSSH_SOURCE=DIR with libssh >= 0.12.2" >&2
  exit 1
fi
printf 'deb-src [signed-by=%s] %s unstable main\n' \
  /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" >"$dir/sources.list"
apt_here() {
  tool=$1
  shift
  "$tool" -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir" -o APT::Sandbox::User= "$@"
}
cd "$dir"
apt_here apt-get -qq update >&2
apt_here apt-get -qq source --download-only libssh >&2
version=$(apt_here apt-cache showsrc libssh | sed -n 's/^Version: //p' | sort -V | tail -n 1)
upstream=${version%-*}
rm -rf "libssh-$upstream.part" "libssh-$upstream"
mkdir "libssh-$upstream.part"
tar -xf "libssh_$upstream.orig.tar.xz" -C "libssh-$upstream.part" --strip-components=1
echo "$version" >"libssh-$upstream.part/DEBIAN_VERSION"
mv "libssh-$upstream.part" "libssh-$upstream"
echo "$dir/libssh-$upstream" | tee current
