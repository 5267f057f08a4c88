# Windows and macOS as far as a Linux machine can show them: sourced by ./dev, whose functions and settings it uses.
# docs/platforms.md tells what each stage proves, what it cannot, and when `./dev test` runs it.
# shellcheck shell=bash

WINDOWS=x86_64-pc-windows-gnu
MACOS=aarch64-apple-darwin
# Nothing here is a part of what users get: cross compilers, the Windows that is not one, and what makes installers.
TARGET_APT_PACKAGES=(gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix wine wine64 nsis python3-venv)
# zig brings the C headers of macOS; the two are known to work together.
TARGET_PYTHON_PACKAGES=(ziglang==0.17.1 cargo-zigbuild==0.24.1)
TARGETS_CACHE="$CACHE/targets"
TARGETS_VENV="$TARGETS_CACHE/venv"
# What mingw's programs load beside themselves.
MINGW_LIBRARIES=(libgcc_s_seh-1.dll libstdc++-6.dll libwinpthread-1.dll)
# The packages whose tests run as Windows programs, and the programs of `fika-tests` that do.
WINDOWS_TESTED='^fika(|-call|-cli|-devices|-engine|-media|-net|-rtp|-server|-surface)$'
WINDOWS_TESTED_ACROSS='^(congestion|engine|fika_tests|windows)$'

# ---------------------------------------------------------------------------------------------------------- installing

setup_targets() {
  APT_PACKAGES+=("${TARGET_APT_PACKAGES[@]}")
  setup
  install_rust_targets "$WINDOWS" "$MACOS"
  install_target_tools
}

# Enough for `clippy_macos`.
setup_macos() {
  APT_PACKAGES+=(python3-venv)
  setup
  install_rust_targets "$MACOS"
  install_target_tools
}

# install_rust_targets TARGET...
install_rust_targets() {
  local target installed
  have rustup || fail "Other systems need their Rust libraries, which rustup adds, and there is no rustup here: see https://rustup.rs"
  installed=$(rustup target list --installed)
  for target in "$@"; do
    grep -qx "$target" <<<"$installed" || rustup target add "$target"
  done
}

install_target_tools() { install_python "$TARGETS_VENV" "${TARGET_PYTHON_PACKAGES[@]}"; }

# ------------------------------------------------------------------------------------------------------------ compiling

# The target's own folder in the cache: there once something was compiled for it.
target_is_warm() { [ -e "$CARGO_TARGET_DIR/$1/debug/.warm-$2" ]; }
mark_warm() { touch "$CARGO_TARGET_DIR/$1/debug/.warm-$2"; }

clippy_macos() {
  PATH="$TARGETS_VENV/bin:$PATH" cargo-zigbuild clippy "${WORKSPACE[@]}" --all-targets --target "$MACOS" -- -D warnings
  mark_warm "$MACOS" clippy
}

clippy_windows() {
  cargo clippy "${WORKSPACE[@]}" --all-targets --target "$WINDOWS" -- -D warnings
  mark_warm "$WINDOWS" clippy
}

# Every program and test, linked; a list of the tests as `package name folder program`, separated by tabs.
# Nobody reads a backtrace from wine, and without what it takes the programs are smaller and linked sooner.
build_windows() {
  local log="$TARGETS_CACHE/build.json"
  mkdir -p "$TARGETS_CACHE"
  CARGO_PROFILE_DEV_DEBUG=false cargo build "${WORKSPACE[@]}" --lib --bins --tests --target "$WINDOWS" \
    --message-format json-render-diagnostics >"$log"
  node -e '
    const path = require("path");
    for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
      const { reason, executable, profile, target, manifest_path, package_id } = JSON.parse(line);
      if (reason !== "compiler-artifact" || !executable || !profile.test) continue;
      const name = package_id.match(/([^\/#]+)#(?:([^@]+)@)?/);
      console.log([name[2] ?? name[1], target.name, path.dirname(manifest_path), executable].join("\t"));
    }' <"$log" >"$TARGETS_CACHE/tests.tsv"
  [ -s "$TARGETS_CACHE/tests.tsv" ] || fail "cargo made no tests for Windows."
  mark_warm "$WINDOWS" build
}

# ---------------------------------------------------------------------------------------------------- wine and its world

# A folder for each run, with a Windows of its own, a sound server and a screen: nothing of the user's is read or written,
# and nothing stays. Stages are subshells, so what they share is said here and lies in that folder.
WORLD=""

use_world() {
  WORLD="$TARGETS_CACHE/world.$$"
  trap end_world EXIT
  # The language of that Windows is English, whatever the user's is.
  WINE=(env -u WAYLAND_DISPLAY LC_ALL=C.UTF-8 HOME="$WORLD" XDG_RUNTIME_DIR="$WORLD/run" PULSE_SERVER="unix:$WORLD/run/pulse/native"
    WINEPREFIX="$WORLD/prefix" WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d"
    FIKA_TEST_BIND='[::1]:0')
  # Where Windows programs find libraries, beside their own folder.
  FOLDERS=("$WORLD/shim" "$WORLD/lib")
}

# Ends what `start_world` began, by the numbers that it wrote down.
end_world() {
  local file
  [ -d "$WORLD" ] || return 0
  "${WINE[@]}" wineserver --kill 2>/dev/null || true
  for file in "$WORLD"/*.pid; do
    if [ -e "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
  rm -rf "$WORLD"
}

start_world() {
  end_world
  mkdir -p "$WORLD/run" "${FOLDERS[@]}"
  chmod 700 "$WORLD/run"
  start_sound
  start_screen
  start_wine
}

# One speaker, and one microphone that hears it.
start_sound() {
  HOME="$WORLD" XDG_RUNTIME_DIR="$WORLD/run" pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no \
    --disable-shm=yes --high-priority=no --realtime=no --log-target=stderr \
    -L "module-native-protocol-unix auth-anonymous=1" \
    -L "module-null-sink sink_name=speaker norewinds=1 rate=48000 channels=2 sink_properties=device.description=VirtualSpeaker" \
    -L "module-remap-source source_name=microphone master=speaker.monitor source_properties=device.description=VirtualMicrophone" \
    >"$WORLD/pulse.log" 2>&1 &
  echo $! >"$WORLD/pulse.pid"
  wait_for "the sound server" "${WINE[@]}" pactl set-default-source microphone
}

start_screen() {
  Xvfb -displayfd 7 -nolisten tcp -noreset -screen 0 1280x800x24 7>"$WORLD/display" >/dev/null 2>&1 &
  echo $! >"$WORLD/screen.pid"
  wait_for "the screen" test -s "$WORLD/display"
}

# What wine 8 lacks, what presses buttons, and the libraries that lie beside a program on Windows.
start_wine() {
  local library
  x86_64-w64-mingw32-gcc -O2 -shared -o "$WORLD/shim/bcryptprimitives.dll" tests/targets/bcryptprimitives.c -ladvapi32
  x86_64-w64-mingw32-gcc -O2 -municode -o "$WORLD/dialog.exe" tests/targets/dialog.c -luser32
  for library in "${MINGW_LIBRARIES[@]}"; do cp "$(mingw_library "$library")" "$WORLD/lib/"; done
  in_wine wineboot --init
  settle
}

# Debian's wine server ends with the last program, and a program that begins at that moment is lost: so what follows another
# waits for the server's end first. What was written to the registry is in its files then.
settle() { "${WINE[@]}" wineserver --wait; }

mingw_library() {
  local found
  found=$(x86_64-w64-mingw32-gcc -print-file-name="$1")
  [ -e "$found" ] || found="/usr/x86_64-w64-mingw32/lib/$1"
  echo "$found"
}

in_wine() {
  local folder path=""
  for folder in "${FOLDERS[@]}"; do path+="$(windows_path "$folder");"; done
  "${WINE[@]}" DISPLAY=":$(cat "$WORLD/display")" WINEPATH="$path" "$@" </dev/null
}

windows_path() { printf 'Z:%s' "${1//\//\\}"; }

# Asks until it is so; nobody can be waited for here.
wait_for() {
  local what="$1" tries
  shift
  for ((tries = 0; tries < 300; tries++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "$what does not start."
}

# ------------------------------------------------------------------------------------------------------- what runs there

# wine_tests PACKAGES NAMES ARGUMENT...: runs the test programs that match both patterns.
wine_tests() {
  local packages="$1" names="$2" package name folder program failed=() ran=0
  shift 2
  while IFS=$'\t' read -r package name folder program; do
    [[ "$package" =~ $packages && "$name" =~ $names ]] || continue
    ran=$((ran + 1))
    printf '\n%s: %s\n' "$package" "$name"
    settle
    (cd "$folder" && in_wine timeout 600 wine "$program" "$@") || failed+=("$package: $name")
  done <"$TARGETS_CACHE/tests.tsv"
  [ "$ran" -gt 0 ] || fail "no test program matches."
  [ "${#failed[@]}" = 0 ] || fail "failed under wine: ${failed[*]}"
}

test_windows() {
  cp "$CARGO_TARGET_DIR/$WINDOWS/debug/WebView2Loader.dll" "$WORLD/lib/"
  wine_tests "$WINDOWS_TESTED" . 2>&1 | tee "$TARGETS_CACHE/test.log"
  wine_tests '^fika-tests$' "$WINDOWS_TESTED_ACROSS" 2>&1 | tee -a "$TARGETS_CACHE/test.log"
}

test_windows_sound() { wine_tests '^fika-tests$' '^windows$' --ignored 2>&1 | tee -a "$TARGETS_CACHE/test.log"; }

# What the app says in this language where WebView2 is missing.
missing_webview_words() {
  node -e '
    const page = "https://developer.microsoft.com/microsoft-edge/webview2/";
    const words = JSON.parse(require("fs").readFileSync(`ui/messages/${process.argv[1]}.json`, "utf8"));
    console.log(words.native_webview_missing.replace("{text}", page));' "$1"
}

# says_what_is_missing LANGUAGE PROGRAM [ARGUMENT...]: the app says it in a box, and ends with code 1 when that is closed.
says_what_is_missing() {
  local language="$1" program="$2" said code=0 app
  shift 2
  settle
  in_wine timeout 300 wine "$program" "$@" >"$WORLD/app.log" 2>&1 &
  app=$!
  said=$(in_wine timeout 200 wine "$WORLD/dialog.exe" Fika 0 | tr -d '\r') ||
    { cat "$WORLD/app.log"; fail "the app does not say that WebView2 is missing."; }
  in_wine import -window root "$TARGETS_CACHE/missing-webview-$language.png"
  # 7: No, the page is not wanted now.
  in_wine timeout 200 wine "$WORLD/dialog.exe" Fika 7 >/dev/null
  wait "$app" || code=$?
  [ "$code" = 1 ] || { cat "$WORLD/app.log"; fail "the app ended with code $code."; }
  [[ "$said" == *"$(missing_webview_words "$language")"* ]] || fail "the box says something else: $said"
  printf '%s\n' "$said"
}

test_windows_app() {
  local language profile
  for language in en sv; do
    profile="$WORLD/profile-$language"
    mkdir "$profile"
    echo "{\"version\": 1, \"appearance\": {\"language\": \"$language\"}}" >"$profile/settings.json"
    says_what_is_missing "$language" "$CARGO_TARGET_DIR/$WINDOWS/debug/fika.exe" --profile "$(windows_path "$profile")"
    grep -q "WebView2" "$profile/fika.log" || fail "the log does not say why the app ended."
  done
}

# What is installed, the list of it, and the installer of both.
make_installer() {
  local folder="$WORLD/package" library file version
  mkdir "$folder"
  cp "$CARGO_TARGET_DIR/$WINDOWS"/debug/{fika.exe,WebView2Loader.dll} LICENSE "$folder/"
  for library in "${MINGW_LIBRARIES[@]}"; do cp "$(mingw_library "$library")" "$folder/"; done
  x86_64-w64-mingw32-strip "$folder/fika.exe"
  {
    echo '!macro InstallFiles'
    for file in "$folder"/*; do echo "  File \"$file\""; done
    echo '!macroend'
    echo '!macro DeleteFiles'
    for file in "$folder"/*; do echo "  Delete \"\$INSTDIR\\$(basename "$file")\""; done
    echo '!macroend'
  } >"$WORLD/files.nsh"
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
  makensis -V2 -WX -DFILES="$WORLD/files.nsh" -DVERSION="$version" -DOUTPUT="$WORLD/fika-setup.exe" -DFAST \
    src-tauri/windows/installer.nsi
  ls -l "$WORLD/fika-setup.exe"
}

# Everything of ours that the user's folders and the user's part of the registry hold.
traces() {
  settle
  (cd "$WORLD/prefix/drive_c" && find users "Program Files" -iname '*fika*' -not -path '*/Temp/*' | sort)
  grep -io '^\[.*fika[^]]*\]' "$WORLD/prefix/user.reg" || true
}

expect_traces() {
  local found
  found=$(traces)
  [ "$found" = "$1" ] || fail "$2: $found"
}

test_installer() {
  local roaming="users/$(id -un)/AppData/Roaming" local_data="$WORLD/prefix/drive_c/users/$(id -un)/AppData/Local"
  local program="$local_data/Programs/Fika/fika.exe" uninstall="$local_data/Programs/Fika/uninstall.exe"
  make_installer
  expect_traces "" "there was something before"
  # Twice: the second one is an update.
  in_wine timeout 300 wine "$WORLD/fika-setup.exe" /S
  settle
  in_wine timeout 300 wine "$WORLD/fika-setup.exe" /S
  expect_traces "users/$(id -un)/AppData/Local/Programs/Fika
users/$(id -un)/AppData/Local/Programs/Fika/fika.exe
$roaming/Microsoft/Windows/Start Menu/Programs/Fika.lnk
[Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Uninstall\\\\Fika]" "something else than the app was installed"
  # The installed libraries must do.
  FOLDERS=("$WORLD/shim")
  says_what_is_missing en "$program"
  # The copy of itself that it runs from is waited for by `traces`.
  settle
  in_wine timeout 300 wine "$uninstall" /S
  expect_traces "$roaming/fika
$roaming/fika/fika.log" "the user's own files are kept and nothing else is"
  in_wine timeout 300 wine "$WORLD/fika-setup.exe" /S
  settle
  in_wine timeout 300 wine "$uninstall" /S /purge
  expect_traces "" "something is left behind"
}

# ------------------------------------------------------------------------------------------------------------ the command

check_targets() {
  stage "install" setup_targets
  stage "build the page" build_page
  target_stages
  summary
}

target_stages() {
  local stamp
  stamp=$(target_stamp)
  use_world
  stage "macOS: clippy" clippy_macos
  stage "Windows: clippy" clippy_windows
  stage "Windows: build" build_windows
  stage "wine, sound server, screen" start_world
  stage "Windows: tests" test_windows
  stage "Windows: sound" test_windows_sound
  stage "Windows: start without WebView2" test_windows_app
  stage "Windows: installer" test_installer
  if [ -z "$FAILED" ]; then echo "$stamp" >"$TARGETS_CACHE/passed"; fi
}

# The end of `./dev test`. Nothing where all of it has passed as it is, and everything where it was done before, so that
# little has to be compiled. Elsewhere macOS alone, which takes a few minutes; Windows takes three times as long.
targets_in_test() {
  if ! have rustup || ! have dpkg-query; then
    not_checked "Windows and macOS: there is no rustup or no apt here"
  elif [ "$(cat "$TARGETS_CACHE/passed" 2>/dev/null)" = "$(target_stamp)" ]; then
    REPORT+=("unchanged  Windows and macOS: passed as they are")
  elif target_is_warm "$MACOS" clippy && target_is_warm "$WINDOWS" clippy && target_is_warm "$WINDOWS" build; then
    stage "install for Windows and macOS" setup_targets
    target_stages
  else
    # A machine that cannot fetch another system's tools still tests this one.
    mkdir -p "$TARGETS_CACHE"
    if (setup_macos) >"$TARGETS_CACHE/install.log" 2>&1; then
      stage "macOS: clippy" clippy_macos
    else
      not_checked "macOS: its tools cannot be installed here, $TARGETS_CACHE/install.log says why"
    fi
    not_checked "Windows: ./dev check-targets does it, and from then on ./dev test"
  fi
}

not_checked() { REPORT+=("not checked  $1"); }

# Changes with everything that is compiled or run for other systems, and with what compiles it.
target_stamp() {
  {
    rustc --version
    echo "${TARGET_PYTHON_PACKAGES[*]}"
    # A file that was deleted is missing from the list, which is a change too.
    git ls-files -z --cached --others --exclude-standard -- .cargo Cargo.toml Cargo.lock clippy.toml LICENSE dev icons \
      src-tauri tests ui/messages | xargs -0 sha256sum 2>/dev/null || true
  } | sha256sum
}
