//! The allocator of the app on Linux: the system's, but that one large block that was freed waits for the next of its size.
//!
//! The device library copies each picture of a camera into memory of its own, 1.8 MB thirty times a second. Large blocks go
//! back to the system at once (`super::linux`), so each of them would come as 450 empty pages that the kernel has to clear: two
//! hundredths of a core.
//! Any thread; nothing waits, who finds the place taken asks the system.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Blocks of at least this size are kept, and no larger than this: pictures.
const KEPT: std::ops::RangeInclusive<usize> = 1 << 20..=16 << 20;

#[global_allocator]
static ALLOCATOR: Recycling = Recycling { free: AtomicPtr::new(null_mut()) };

struct Recycling {
    /// A block that nobody uses, or null. Its size stands in its first bytes.
    free: AtomicPtr<usize>,
}

fn is_kept(layout: Layout) -> bool {
    KEPT.contains(&layout.size()) && layout.align() <= align_of::<usize>()
}

const fn layout(size: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and the sizes kept are far from overflowing.
    unsafe { Layout::from_size_align_unchecked(size, align_of::<usize>()) }
}

// SAFETY: every block comes from the system and goes back there with its size and an alignment that the system gives every block; in
// between at most one of them is in `free`, where only `swap` and `compare_exchange` take it from, so that it has one owner.
unsafe impl GlobalAlloc for Recycling {
    unsafe fn alloc(&self, wanted: Layout) -> *mut u8 {
        if is_kept(wanted) {
            let block = self.free.swap(null_mut(), Ordering::AcqRel);
            if !block.is_null() {
                // SAFETY: a block in `free` holds its size.
                if unsafe { block.read() } == wanted.size() {
                    return block.cast();
                }
                self.keep(block);
            }
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(wanted) }
    }

    unsafe fn dealloc(&self, block: *mut u8, used: Layout) {
        if is_kept(used) {
            let block = block.cast::<usize>();
            // SAFETY: it is the caller's no more, large enough and aligned.
            unsafe { block.write(used.size()) };
            let before = self.free.swap(block, Ordering::AcqRel);
            self.give_back(before);
        } else {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(block, used) }
        }
    }

    unsafe fn alloc_zeroed(&self, wanted: Layout) -> *mut u8 {
        // SAFETY: the caller's promise. What is fresh from the system is empty already.
        unsafe { System.alloc_zeroed(wanted) }
    }

    unsafe fn realloc(&self, block: *mut u8, used: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; the system moves pages instead of their content.
        unsafe { System.realloc(block, used, size) }
    }
}

impl Recycling {
    /// Back to its place, unless another took that meanwhile.
    fn keep(&self, block: *mut usize) {
        if self.free.compare_exchange(null_mut(), block, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            self.give_back(block);
        }
    }

    fn give_back(&self, block: *mut usize) {
        if !block.is_null() {
            // SAFETY: a block that was in `free` holds its size, and nobody else has it.
            unsafe { System.dealloc(block.cast(), layout(block.read())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recycling() -> Recycling {
        Recycling { free: AtomicPtr::new(null_mut()) }
    }

    #[test]
    fn a_picture_that_was_freed_is_the_next_of_its_size() {
        let (allocator, picture, another) = (recycling(), layout(2 << 20), layout(3 << 20));
        // SAFETY: every block is freed once, with its layout.
        unsafe {
            let first = allocator.alloc(picture);
            allocator.dealloc(first, picture);
            let larger = allocator.alloc(another);
            assert_ne!(larger, first, "another size");
            let second = allocator.alloc(picture);
            assert_eq!(second, first);
            second.write_bytes(7, picture.size());
            let third = allocator.alloc(picture);
            assert_ne!(third, second, "it is in use");
            for (block, layout) in [(larger, another), (second, picture), (third, picture)] {
                allocator.dealloc(block, layout);
            }
            assert_eq!(allocator.free.load(Ordering::Relaxed).cast(), third, "the last one is kept");
            allocator.give_back(allocator.free.swap(null_mut(), Ordering::AcqRel));
        }
    }

    #[test]
    fn small_blocks_and_zeros_are_the_systems() {
        let (allocator, picture) = (recycling(), layout(1 << 20));
        assert!(!is_kept(layout(4096)) && !is_kept(layout(32 << 20)));
        // SAFETY: every block is freed once, with its layout.
        unsafe {
            let block = allocator.alloc(picture);
            block.write_bytes(7, picture.size());
            allocator.dealloc(block, picture);
            let zeros = allocator.alloc_zeroed(picture);
            assert!(std::slice::from_raw_parts(zeros, picture.size()).iter().all(|byte| *byte == 0));
            allocator.dealloc(zeros, picture);
            allocator.give_back(allocator.free.swap(null_mut(), Ordering::AcqRel));
        }
    }

    #[test]
    fn many_threads_never_share_a_block() {
        let (allocator, picture) = (recycling(), layout(1 << 20));
        std::thread::scope(|scope| {
            for mark in 0..4_u8 {
                let allocator = &allocator;
                scope.spawn(move || {
                    for _ in 0..200 {
                        // SAFETY: the block is freed once, with its layout, and written within its size.
                        unsafe {
                            let block = allocator.alloc(picture);
                            block.write_bytes(mark, 4096);
                            assert!(std::slice::from_raw_parts(block, 4096).iter().all(|byte| *byte == mark));
                            allocator.dealloc(block, picture);
                        }
                    }
                });
            }
        });
        allocator.give_back(allocator.free.swap(null_mut(), Ordering::AcqRel));
    }
}
