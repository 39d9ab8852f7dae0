//! Atomics of a schedule: the real ones, with a point before each access.
//!
//! They have the layout of the real ones, since side tables are zeroed memory seen as atomics. What is not listed here
//! (`get_mut`, `as_ptr`) is the real one's, through `Deref`, and no point.

use super::turn::{Grain, point};
use core::ops::{Deref, DerefMut};
use core::sync::atomic as real;

pub use core::sync::atomic::Ordering;

/// A fence. Threads run one at a time, so it has nothing to do.
pub fn fence(order: Ordering) {
    point(Grain::Sync);
    real::fence(order);
}

/// See [`core::sync::atomic::compiler_fence`].
pub use core::sync::atomic::compiler_fence;

/// A relaxed access orders nothing. Most are counters and words of objects, and they outnumber the others by far, so they
/// are points of the finest grain only.
#[inline]
fn access(order: Ordering) {
    point(if order == Ordering::Relaxed { Grain::Access } else { Grain::Sync });
}

macro_rules! atomic {
    ($name:ident, $real:ty, $value:ty, [$($parameter:ident)?], { $($method:ident)* }) => {
        #[doc = concat!("See [`core::sync::atomic::", stringify!($name), "`].")]
        #[derive(Default, Debug)]
        #[repr(transparent)]
        pub struct $name $(<$parameter>)? ($real);

        impl $(<$parameter>)? $name $(<$parameter>)? {
            /// With that value.
            #[inline]
            #[must_use]
            pub const fn new(value: $value) -> Self {
                Self(<$real>::new(value))
            }

            /// The atomic at that address.
            ///
            /// # Safety
            /// As for the real one.
            #[inline]
            #[must_use]
            pub const unsafe fn from_ptr<'a>(at: *mut $value) -> &'a Self {
                // SAFETY: the duties are the caller's; the layout is the real one's, and so the value's.
                unsafe { &*at.cast::<Self>() }
            }

            /// The value.
            #[inline]
            pub fn load(&self, order: Ordering) -> $value {
                access(order);
                self.0.load(order)
            }

            /// Replaces the value.
            #[inline]
            pub fn store(&self, value: $value, order: Ordering) {
                access(order);
                self.0.store(value, order);
            }

            /// Replaces the value and returns the old one.
            #[inline]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                access(order);
                self.0.swap(value, order)
            }

            /// Replaces the value if it is `current`.
            ///
            /// # Errors
            /// With the value, if it is not.
            #[inline]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                access(success);
                self.0.compare_exchange(current, new, success, failure)
            }

            /// Replaces the value if it is `current`; never fails for nothing, since that could not be repeated.
            ///
            /// # Errors
            /// With the value, if it is not.
            #[inline]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }

            /// Replaces the value by what `f` makes of it, if anything.
            ///
            /// # Errors
            /// With the value, if `f` makes nothing of it.
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut f: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut now = self.load(fetch);
                while let Some(next) = f(now) {
                    match self.compare_exchange(now, next, set, fetch) {
                        Ok(old) => return Ok(old),
                        Err(other) => now = other,
                    }
                }
                Err(now)
            }

            /// The value.
            pub fn into_inner(self) -> $value {
                self.0.into_inner()
            }

            $(
                /// As the real one's.
                #[inline]
                pub fn $method(&self, value: $value, order: Ordering) -> $value {
                    access(order);
                    self.0.$method(value, order)
                }
            )*
        }

        impl $(<$parameter>)? Deref for $name $(<$parameter>)? {
            type Target = $real;
            fn deref(&self) -> &$real {
                &self.0
            }
        }

        impl $(<$parameter>)? DerefMut for $name $(<$parameter>)? {
            fn deref_mut(&mut self) -> &mut $real {
                &mut self.0
            }
        }
    };
}

macro_rules! number {
    ($name:ident, $value:ty) => {
        atomic!($name, real::$name, $value, [], {
            fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_nand fetch_max fetch_min
        });
    };
}

number!(AtomicU8, u8);
number!(AtomicU16, u16);
number!(AtomicU32, u32);
number!(AtomicU64, u64);
number!(AtomicUsize, usize);
number!(AtomicI32, i32);
number!(AtomicI64, i64);
number!(AtomicIsize, isize);
atomic!(AtomicBool, real::AtomicBool, bool, [], { fetch_and fetch_or fetch_xor fetch_nand });
atomic!(AtomicPtr, real::AtomicPtr<T>, *mut T, [T], {});
