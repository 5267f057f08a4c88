//! Virtual cameras for programs under test: loaded with LD_PRELOAD, it answers for `/dev/videoN` what a Video4Linux
//! driver would, so that the camera code that users run is the code that is tested. Everything else passes through.
//!
//! Set up by environment variables, read when a camera is first looked for:
//!
//! | variable | meaning |
//! | --- | --- |
//! | `V4L2_SHIM_DEVICES` | names, separated by a vertical bar; a name that ends in `=metadata` is a node without pictures |
//! | `V4L2_SHIM_FORMATS` | of `YUYV,NV12,MJPG`; all that can be served by default |
//! | `V4L2_SHIM_SIZES` | such as `1280x720,640x480` |
//! | `V4L2_SHIM_RATES` | pictures a second, such as `30,15` |
//! | `V4L2_SHIM_CLIP` | a y4m file (4:2:0, 8 bits) to play instead of a pattern; its size is then the only one |
//! | `V4L2_SHIM_MJPEG` | a file of JPEG pictures, one behind the other, for `MJPG` |
//! | `V4L2_SHIM_INITIAL` | `odd`: the devices start in a mode that capture libraries do not know |
//! | `V4L2_SHIM_CTL` | a directory; while a file of that name is in it the devices are `unplug`, `busy`, `deny` or `stall`; `busy-1` is only for the second device |
//!
//! YUYV and NV12 pictures carry a mark (`fika_media::marker`) with their number and the time of their capture; those of
//! an MJPEG file are played as they are. Calls run on the thread that makes them; there is no thread and no queue beyond
//! the driver's buffers: when the program returns none, pictures are skipped and their numbers with them.
#![cfg(target_os = "linux")]

mod camera;
mod device;
mod hooks;
mod listing;
mod nodes;
mod pictures;
mod real;
mod setup;
