//! A compiler's caches that keep nothing: names are interned, and what is known of a function is found by the function.
//!
//! `Interner` has each name once, so names are compared by identity, and forgets those that nothing uses. `WeakMap` has the
//! code of functions, which is dear to make and leads back to its function. Neither is a reason for anything to stay: when the
//! program lets go of a function, its code is gone with it, and so are names that only it used.
//!
//! ```text
//! cargo run --example weak_cache
//! ```

use tricolor::{Gc, GcSlice, GcStr, GcVec, Heap, Interner, Mu, Root, Trace, WeakMap};

/// A function of some language.
#[derive(Trace)]
struct Function<'gc> {
    name: Gc<'gc, GcStr>,
    calls: Gc<'gc, GcSlice<Gc<'gc, GcStr>>>,
}

/// What is made of it: it leads back to where it comes from.
#[derive(Trace)]
struct Code<'gc> {
    of: Gc<'gc, Function<'gc>>,
    words: [u64; 32],
}

#[derive(Trace)]
struct Session<'gc> {
    names: Interner<'gc>,
    code: WeakMap<'gc, Function<'gc>, Code<'gc>>,
    functions: GcVec<'gc, Gc<'gc, Function<'gc>>>,
}

impl<'gc> Session<'gc> {
    fn define(&self, mu: &Mu<'gc>, name: &str, calls: &[&str]) {
        let calls = mu.alloc_slice(calls.len(), |at| self.names.intern(mu, calls[at]));
        self.functions.push(mu, mu.alloc(Function { name: self.names.intern(mu, name), calls }));
    }

    /// The function of a name, which is compared by identity.
    fn find(&self, mu: &Mu<'gc>, name: &str) -> Option<Gc<'gc, Function<'gc>>> {
        let name = self.names.find(mu, name)?;
        self.functions.iter().find(|function| Gc::ptr_eq(function.name, name))
    }

    /// The code of a function, made the first time.
    fn code(&self, mu: &Mu<'gc>, of: Gc<'gc, Function<'gc>>, made: &mut u32) -> Gc<'gc, Code<'gc>> {
        self.code.get_or_insert_with(mu, of, || {
            *made += 1;
            mu.alloc(Code { of, words: [of.calls.len() as u64; 32] })
        })
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::new()?;
    let mut mutator = heap.attach()?;
    let session: Root<Session<'static>> = mutator.enter(|mu| {
        let session =
            mu.alloc(Session { names: Interner::new(), code: WeakMap::new(), functions: GcVec::new() });
        session.define(mu, "main", &["parse", "print"]);
        session.define(mu, "parse", &["next", "parse"]);
        session.define(mu, "print", &[]);
        mu.root(session)
    });

    let mut made = 0;
    for _ in 0..3 {
        mutator.enter(|mu| {
            let session = session.get(mu);
            for function in &session.functions {
                let code = session.code(mu, function, &mut made);
                assert!(Gc::ptr_eq(code.of, function));
                assert_eq!(code.words[31], function.calls.len() as u64);
            }
            // Two ways to one name.
            let main = session.find(mu, "main").expect("it was defined");
            let parse = session.find(mu, "parse").expect("it was defined");
            assert!(Gc::ptr_eq(main.calls[0], parse.name));
        });
        mutator.collect();
    }
    println!("code was made {made} times for 3 functions, over 3 collections");

    // The program forgets `parse`; `main` still has its name.
    mutator.enter(|mu| {
        let session = session.get(mu);
        let parse = session.functions.iter().position(|function| function.name.as_str() == "parse");
        session.functions.remove(mu, parse.expect("it was defined"));
    });
    mutator.collect();
    mutator.enter(|mu| {
        let session = session.get(mu);
        for name in ["parse", "next"] {
            let is_known = session.names.find(mu, name).is_some();
            println!("the name {name:?} is {}", if is_known { "still in use" } else { "forgotten" });
        }
        session.code.shrink_to_fit(mu);
        println!("{} functions have code", session.code.len());
    });
    Ok(())
}
