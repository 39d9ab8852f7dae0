//! Kernels: with which vector instructions many words are looked at together, chosen when the program runs.
//!
//! A [`Kernel`] is proof that the processor has its [`Vectors`], so that whoever holds one may use them. All kernels answer
//! the same. The scalar one is the plain Rust that the others are compared with, and all there is elsewhere than on x86-64,
//! under Miri and loom, which know no vectors, and under the scheduler of `cfg(pct)`, where a seed must mean the same on every
//! processor.

/// How much is looked at together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Vectors {
    /// One word.
    Scalar,
    /// Four words, with AVX2.
    Avx2,
    /// Eight words, with AVX-512F and AVX-512BW.
    Avx512,
}

impl Vectors {
    /// All, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// Whether this processor has them, and this build uses them.
    fn are_here(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(all(target_arch = "x86_64", not(any(miri, loom, pct))))]
            Self::Avx2 => std::is_x86_feature_detected!("avx2"),
            #[cfg(all(target_arch = "x86_64", not(any(miri, loom, pct))))]
            Self::Avx512 => {
                std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw")
            }
            #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom, pct)))))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }
}

/// Vectors that the processor has. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Kernel(Vectors);

impl Kernel {
    /// The one without vectors, which is always there.
    pub const SCALAR: Self = Self(Vectors::Scalar);

    /// The kernel with these vectors; `None` if the processor does not have them.
    ///
    /// ```
    /// use heap_core::racy::kernel::{Kernel, Vectors};
    /// assert_eq!(Kernel::of(Vectors::Scalar), Some(Kernel::SCALAR));
    /// ```
    #[must_use]
    pub fn of(vectors: Vectors) -> Option<Self> {
        vectors.are_here().then_some(Self(vectors))
    }

    /// The kernel with the widest vectors there are, up to these.
    ///
    /// ```
    /// use heap_core::racy::kernel::{Kernel, Vectors};
    /// assert!(Kernel::up_to(Vectors::Avx2).vectors() <= Vectors::Avx2);
    /// ```
    #[must_use]
    pub fn up_to(widest: Vectors) -> Self {
        let wished = Vectors::ALL.into_iter().rev().filter(|&vectors| vectors <= widest);
        wished.filter_map(Self::of).next().unwrap_or(Self::SCALAR)
    }

    /// Its vectors.
    #[inline]
    #[must_use]
    pub const fn vectors(self) -> Vectors {
        self.0
    }
}
