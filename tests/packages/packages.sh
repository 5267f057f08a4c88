# The deb in a system that has nothing but Debian's minimum, and the rpm as far as a machine without rpm distributions can
# show it: sourced by ./dev, whose functions and settings it uses. docs/platforms.md tells what each stage proves.
# shellcheck shell=bash

PACKAGE_APT_PACKAGES=(debootstrap desktop-file-utils rpm rpm2cpio binutils)
PACKAGES_CACHE="$CACHE/packages"
# What Debian's minimum does not have by itself and is not ours to bring: the app is started under the screen, the sound
# server and the cameras of the machine that tests.
BUNDLES="$CARGO_TARGET_DIR/release/bundle"

setup_packages() {
  APT_PACKAGES+=("${PACKAGE_APT_PACKAGES[@]}")
  setup
}

# ------------------------------------------------------------------------------------------------------ the bare system

# A folder for each run; nothing stays but what apt downloaded. Stages are subshells: what they share lies in that folder.
use_bare() {
  BARE_WORLD="$PACKAGES_CACHE/world.$$"
  BARE="$BARE_WORLD/system"
  # What the demo finds beside itself: cameras, and instead of the app the way to the one that was installed.
  BESIDE="$BARE_WORLD/beside"
  trap end_bare EXIT
}

# Mounts live in the namespace of each command, so there is never one below this folder.
end_bare() { as_root rm -rf --one-file-system "$BARE_WORLD"; }

# Of the release that runs here, from where this machine has its packages.
make_bare() {
  local suite mirror
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$suite //p" | head -n 1)
  [ -n "$mirror" ] || fail "apt knows no source of packages for $suite."
  mkdir -p "$PACKAGES_CACHE/archives/partial" "$BESIDE"
  as_root debootstrap --variant=minbase --cache-dir="$PACKAGES_CACHE/archives" "$suite" "$BARE" "$mirror" >"$BARE_WORLD/debootstrap.log" ||
    { tail -n 30 "$BARE_WORLD/debootstrap.log"; fail "debootstrap failed."; }
  as_root mkdir -p "$BARE$BESIDE"
  as_root cp /etc/resolv.conf /etc/hosts "$BARE/etc/"
  apt-config dump Acquire | as_root tee "$BARE/etc/apt/apt.conf.d/90as-outside" >/dev/null
  way_into_bare
  in_bare apt-get update -q
  in_bare dpkg-query -W -f '${Package}\n' >"$BARE_WORLD/packages-before"
  wc -l <"$BARE_WORLD/packages-before"
}

# `enter PROGRAM ARGUMENT...` runs a program of the bare system there, with the environment and the user that it has here,
# or as root if that comes first. Drivers start the app by its name alone, so this has to be a program, and `fika` another.
way_into_bare() {
  cat >"$BESIDE/enter" <<ENTER
#!/usr/bin/env bash
set -euo pipefail
user=\$(id -u):\$(id -g)
if [ "\$1" = --root ]; then user=0:0; shift; fi
mapfile -d '' -t environment < <(env -0)
become=()
[ "\$(id -u)" = 0 ] || become=(sudo env "\${environment[@]}")
exec "\${become[@]}" unshare --mount --propagation private bash -c '
  set -eu
  for folder in proc sys dev; do mount --rbind "/\$folder" "$BARE/\$folder"; done
  mount --bind /tmp "$BARE/tmp"
  mount --bind "$BESIDE" "$BARE$BESIDE"
  mount --bind "$PACKAGES_CACHE/archives" "$BARE/var/cache/apt/archives"
  exec chroot --userspec="\$1" "$BARE" "\${@:2}"' enter "\$user" "\$@"
ENTER
  printf '#!/bin/sh\nexec "%s/enter" /usr/bin/fika "$@"\n' "$BESIDE" >"$BESIDE/fika"
  chmod 755 "$BESIDE/enter" "$BESIDE/fika"
}

in_bare() {
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$BESIDE/enter" --root "$@" </dev/null
}

# --------------------------------------------------------------------------------------------------------------- the deb

one_bundle() {
  local found=("$BUNDLES/$1"/*."$1")
  [ "${#found[@]}" = 1 ] && [ -e "${found[0]}" ] || fail "there should be one $1 in $BUNDLES: ${found[*]}"
  echo "${found[0]}"
}

install_deb() {
  cp "$(one_bundle deb)" "$BESIDE/fika.deb"
  in_bare apt-get install -y -q --no-install-recommends -o DPkg::Options::=--force-unsafe-io "$BESIDE/fika.deb" >"$BARE_WORLD/apt.log" 2>&1 ||
    { tail -n 30 "$BARE_WORLD/apt.log"; fail "apt does not install it."; }
  grep 'newly installed' "$BARE_WORLD/apt.log"
  in_bare dpkg -L fika >"$BARE_WORLD/files"
  if in_bare ldd /usr/bin/fika | grep 'not found'; then fail "the deb does not depend on all that the app loads."; fi
  desktop-file-validate "$BARE/usr/share/applications/Fika.desktop"
}

# The demo with two of the app that was installed: each sees the other, or it fails.
call_in_bare() {
  cp "$CARGO_TARGET_DIR"/release/{demo,libfika_v4l2_shim.so} "$BESIDE/"
  "$BESIDE/demo" --seconds 10 --screenshot "$PACKAGES_CACHE/call.png"
}

# Without the package there is nothing of it, and without what it brought the system is what it was.
remove_deb() {
  local file left=()
  in_bare apt-get purge -y -q fika >"$BARE_WORLD/purge.log" 2>&1 || { tail -n 30 "$BARE_WORLD/purge.log"; fail "apt does not remove it."; }
  while read -r file; do
    if [ -f "$BARE$file" ]; then left+=("$file"); fi
  done <"$BARE_WORLD/files"
  mapfile -t -O "${#left[@]}" left < <(cd "$BARE" && find bin etc lib opt run srv usr var -xdev -iname '*fika*' -not -path "${PACKAGES_CACHE#/}/*")
  [ "${#left[@]}" = 0 ] || fail "left behind: ${left[*]}"
  in_bare apt-get autoremove --purge -y -q >"$BARE_WORLD/autoremove.log" 2>&1
  in_bare dpkg-query -W -f '${Package}\n' | diff "$BARE_WORLD/packages-before" - || fail "packages are left behind."
  echo "nothing is left of $(wc -l <"$BARE_WORLD/files") entries and of $(grep -c '^Removing' "$BARE_WORLD/autoremove.log") packages"
}

# --------------------------------------------------------------------------------------------------------------- the rpm

# The same files as in the deb, a requirement for each library that the app is linked to, and in both packages the C
# library that it needs at least.
check_rpm() {
  local rpm folder="$BARE_WORLD/unpacked" needed newest
  rpm=$(one_bundle rpm)
  mkdir -p "$folder/rpm"
  rpm2archive - <"$rpm" | tar -xz -C "$folder/rpm"
  dpkg-deb -x "$(one_bundle deb)" "$folder/deb"
  diff <(cd "$folder/deb" && find . -type f | sort) <(cd "$folder/rpm" && find . -type f | sort) || fail "the rpm has other files than the deb."
  rpm -qp --requires "$rpm" 2>/dev/null | sort -u >"$folder/requires"
  needed=$(readelf -d "$folder/rpm/usr/bin/fika" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1()(64bit)/p' | grep -v '^ld-linux')
  diff <(sort -u <<<"$needed") <(grep -F '()(64bit)' "$folder/requires") ||
    fail "bundle.linux.rpm.depends in tauri.conf.json has to name what the app is linked to (<), and nothing else (>)."
  newest=$(objdump -T "$folder/rpm/usr/bin/fika" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
  grep -qxF "libc.so.6($newest)(64bit)" "$folder/requires" || fail "the rpm has to require libc.so.6($newest)(64bit)."
  dpkg-deb -f "$(one_bundle deb)" Depends | grep -qF "libc6 (>= ${newest#GLIBC_})" || fail "the deb has to depend on libc6 (>= ${newest#GLIBC_})."
  cat "$folder/requires"
}

# ------------------------------------------------------------------------------------------------------------ the command

check_packages() {
  use_bare
  stage "install" setup_packages
  stage "release build, deb and rpm" package
  stage "a bare system" make_bare
  stage "deb: install" install_deb
  stage "deb: call between two" call_in_bare
  stage "deb: remove" remove_deb
  stage "rpm: files and requirements" check_rpm
  summary
}
