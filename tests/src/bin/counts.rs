//! Runs each hot path once, for callgrind to count: see `tests/tests/counts.rs`, which starts it. Each name is printed as
//! its work begins.

use fika_tests::counts::ENTRIES;

/// Counting begins when this is entered and ends when it is left; callgrind knows it by this name.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C-unwind" fn fika_counted(work: &mut Box<dyn FnMut()>) {
    work();
}

#[expect(clippy::print_stdout, reason = "that is what it says")]
fn main() {
    for entry in ENTRIES {
        let mut work = (entry.prepare)();
        println!("{}", entry.name);
        fika_counted(&mut work);
    }
}
