# What judges pictures in `./dev bench link`: sourced by ./dev, whose functions and settings it uses. Nothing else needs it.
# shellcheck shell=bash

# An ffmpeg with libvmaf, which Debian's lacks.
VMAF_PYTHON_PACKAGES=(imageio-ffmpeg==0.8.1)
VMAF_VENV="$CACHE/vmaf"

# Where it cannot be installed, everything but those scenarios can be measured, and they say what is missing.
prepare_vmaf() {
  APT_PACKAGES+=(python3-venv)
  setup
  install_python "$VMAF_VENV" "${VMAF_PYTHON_PACKAGES[@]}" || return 0
  FIKA_VMAF_FFMPEG=$("$VMAF_VENV/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
  export FIKA_VMAF_FFMPEG
}
