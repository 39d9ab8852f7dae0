use super::*;

fn origin(function: &str, symbol: &str, source: &str) -> (String, String) {
    let origin = Origin::of(function, symbol, source);
    (origin.krate, origin.module)
}

fn both(krate: &str, module: &str) -> (String, String) {
    (krate.to_owned(), module.to_owned())
}

#[test]
fn the_crate_and_the_module_of_a_function_are_in_its_name() {
    let table = [
        ("shop::orders::Order::new", "shop", "shop::orders"),
        ("shop::main", "shop", "shop"),
        ("shop::orders::total::{{closure}}", "shop", "shop::orders"),
        ("shop::orders::total::{closure#0}::{closure#1}", "shop", "shop::orders"),
        ("<shop::orders::Order as core::fmt::Debug>::fmt", "shop", "shop::orders"),
        ("<shop::cart::Cart<T>>::push::<u64>", "shop", "shop::cart"),
        ("<&mut shop::Cart as core::iter::Iterator>::next", "shop", "shop"),
        ("shop::orders::many::<alloc::vec::Vec<u8>>", "shop", "shop::orders"),
        ("<dyn shop::Sale as shop::Priced>::price", "shop", "shop"),
        // A trait of ours for a type of the standard library, and of somebody else.
        ("<alloc::vec::Vec<T> as shop::prices::Priced>::price", "shop", "shop::prices"),
        ("<[u64; 3] as shop::prices::Priced>::price::{{closure}}", "shop", "shop::prices"),
        ("<(u8,u16) as shop::Priced>::price", "shop", "shop"),
        ("<fn() -> u8 as shop::Priced>::price", "shop", "shop"),
        ("<u64 as shop::Priced<alloc::vec::Vec<u8> as X>>::price", "shop", "shop"),
        ("shop::deep::<impl shop::prices::Priced for [u64; 3]>::price", "shop", "shop::deep"),
        ("alloc::slice::<impl [T]>::to_vec", "alloc", "alloc::slice"),
        ("<alloc::vec::Vec<T> as core::clone::Clone>::clone", "alloc", "alloc::vec"),
        ("<&T as core::fmt::Debug>::fmt", "core", "core::fmt"),
        ("<T as alloc::string::ToString>::to_string", "alloc", "alloc::string"),
        ("core::ops::function::FnOnce::call_once{{vtable.shim}}", "core", "core::ops::function"),
        ("core::ptr::drop_in_place<shop::orders::Order>", "core", "core::ptr"),
        ("main", "", ""),
        ("__libc_start_main", "", ""),
        ("0x7f00", "", ""),
        ("", "", ""),
        ("<", "", ""),
        ("<T as", "", ""),
    ];
    for (function, krate, module) in table {
        assert_eq!(origin(function, "", ""), both(krate, module), "{function}");
    }
}

#[test]
fn the_file_decides_between_the_type_and_the_trait() {
    let function = "<json::value::Value as shop::prices::Priced>::price";
    assert_eq!(origin(function, "", "/build/shop/src/prices.rs"), both("shop", "shop::prices"));
    assert_eq!(origin(function, "", "/registry/json-1.0.2/src/value/mod.rs"), both("json", "json::value"));
    // A file of neither says nothing: then it is the type's.
    assert_eq!(origin(function, "", "/build/elsewhere/src/lib.rs"), both("json", "json::value"));
    // The blanket implementation of the standard library is not its argument's.
    let function = "<&shop::Cart as core::fmt::Debug>::fmt";
    assert_eq!(origin(function, "", "/rustc/1234/library/core/src/fmt/mod.rs"), both("core", "core::fmt"));
}

#[test]
fn a_symbol_of_the_newer_mangling_decides_alone() {
    let symbol = "_RNvXNtNtCsfq2Zq5gqAK1_2v06orders4deepAyj3_NtB4_6Priced4dear";
    assert_eq!(origin("<[u64; 3] as v0::orders::Priced>::dear", symbol, ""), both("v0", "v0::orders::deep"));
    // What a trait brings along is the trait's, whatever the type.
    let symbol = "_RNvYNtCsfq2Zq5gqAK1_4shop5OrderNtCsfq2Zq5gqAK1_6market6Priced5price";
    assert_eq!(origin("<shop::Order as market::Priced>::price", symbol, ""), both("market", "market"));
}

#[test]
fn a_bare_name_is_of_its_files_module() {
    let source = "/build/shop/src/orders.rs";
    for function in ["total", "total<u64>", "{closure#0}", "sampled<dyn heap_gc::sampler::Sampler>"] {
        assert_eq!(origin(function, "", source), both("shop", "shop::orders"), "{function}");
        assert_eq!(with_module(function.to_owned(), source), format!("shop::orders::{function}"));
        assert_eq!(with_module(function.to_owned(), "x.c"), function);
    }
    let whole = "<shop::Order as core::fmt::Debug>::fmt";
    assert_eq!(with_module(whole.to_owned(), "/build/other/src/lib.rs"), whole);
}
