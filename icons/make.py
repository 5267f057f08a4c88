#!/usr/bin/env python3
"""Makes every bundle icon from app-icon.svg. Run it after the drawing changes and commit the results.

Needs rsvg-convert (librsvg2-bin) and convert (imagemagick). At 16 and 24 pixels the highlight in the cup is left out:
it would be a smudge there.
"""

import pathlib
import re
import struct
import subprocess

HERE = pathlib.Path(__file__).parent
SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024]
ICO_SIZES = [16, 24, 32, 48, 64, 256]
# Icon types of an .icns file that hold a PNG, and their sizes in pixels.
ICNS_TYPES = {"ic11": 32, "ic12": 64, "ic07": 128, "ic13": 256, "ic08": 256, "ic14": 512, "ic09": 512, "ic10": 1024}
HIGHLIGHT = re.compile(r'<path d="M424 484[^>]*/>')


def main():
    drawing = (HERE / "app-icon.svg").read_text()
    plain, found = HIGHLIGHT.subn("", drawing)
    assert found == 1, "the highlight is not where it was"
    for size in SIZES:
        command = ["rsvg-convert", "--width", str(size), "--height", str(size), "--output", str(png(size))]
        subprocess.run(command, input=plain if size <= 24 else drawing, text=True, check=True)
    png(256).with_name("128x128@2x.png").write_bytes(png(256).read_bytes())
    subprocess.run(["convert", *(str(png(size)) for size in ICO_SIZES), str(HERE / "icon.ico")], check=True)
    (HERE / "icon.icns").write_bytes(icns())


def png(size):
    return HERE / f"{size}x{size}.png"


def icns():
    entries = b""
    for kind, size in ICNS_TYPES.items():
        data = png(size).read_bytes()
        entries += kind.encode() + struct.pack(">I", len(data) + 8) + data
    return b"icns" + struct.pack(">I", len(entries) + 8) + entries


main()
