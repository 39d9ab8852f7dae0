//! Emission: the implementations around the items, and their generics.
//!
//! For a type `Name<'gc, T, const N: usize>`:
//!
//! ```text
//!   impl<'gc, T, const N: usize> Trace   for Name<'gc, T, N> where T: Trace
//!   impl<'gc, T, const N: usize> Rebrand for Name<'gc, T, N> where T: Rebrand  { type At<'x> = Name<'x, T::At<'x>, N>; }
//! ```
//!
//! Whatever the type demands of its parameters must hold of the rebranded ones, too, or `At` is not a type. So each bound
//! is repeated, for every `'x`, with the brand and the parameters replaced: `T: Copy` becomes
//! `for<'x> T::At<'x>: Copy`. That also keeps D4 where a bound says `'static`: a parameter with a brand in it does not
//! meet it for every `'x`.
//!
//! D3 is held by a trait that is implemented for everything that has `Drop`, and for the type: if the type has `Drop`,
//! that is once too often, and the compiler says so with the trait's name. A type with `#[trace(drop)]` is not asked that;
//! it has no references, and must be `Send`. It is asked whether it has a `Drop` at all.
//!
//! With `#[trace(by_hand)]` the second implementation is all there is. It needs the first, since `Rebrand` is a `Trace`.
//!
//! Called by the macro. Everything is written into an unnamed constant, so that no name of it meets the program's.

use crate::attrs::{self, By};
use crate::mask;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, DeriveInput, Error, GenericParam, Generics, Ident, Lifetime, Path, Result, Token, Type,
    TypeParamBound, WherePredicate, parse_quote,
};

/// Both implementations, and the checks.
pub(crate) fn implementations(input: &DeriveInput) -> Result<TokenStream> {
    let options = attrs::options(input)?;
    let library = &options.library;
    attrs::check(input, options.by)?;
    check_generics(&input.generics)?;

    let name = &input.ident;
    let (impl_generics, arguments, bounds) = input.generics.split_for_impl();

    let mut traced = input.generics.clone();
    let parameters: Vec<Ident> =
        input.generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    traced.make_where_clause().predicates.extend(demand(&parameters, &parse_quote!(#library::Trace)));
    let trace_bounds = &traced.where_clause;

    let rebranding = Rebranding::new(input, library);
    let mut rebranded = traced.clone();
    let predicates = &mut rebranded.make_where_clause().predicates;
    predicates.extend(demand(&parameters, &parse_quote!(#library::Rebrand)));
    predicates.extend(rebranding.bounds(&input.generics)?);
    let rebrand_bounds = &rebranded.where_clause;
    let (at, brand) = (&rebranding.at, &rebranding.brand);

    let trace = match options.by {
        By::Hand => None,
        By::Fields | By::OwnDrop => {
            let items = mask::items(input, &options)?;
            Some(quote! {
                #[automatically_derived]
                unsafe impl #impl_generics #library::Trace for #name #arguments #trace_bounds {
                    #items
                }
            })
        }
    };
    let of_drop = match options.by {
        By::Hand => None,
        By::Fields => Some(quote! {
            /// A collector drops objects in any order, so a `Drop` may find the objects it refers to gone.
            trait ATracedTypeHasNoDropOfItsOwnPutThePartThatNeedsItIntoALeaf {}
            #[expect(drop_bounds, reason = "the types that implement `Drop` themselves are exactly those meant")]
            impl<T: ?::core::marker::Sized + ::core::ops::Drop>
                ATracedTypeHasNoDropOfItsOwnPutThePartThatNeedsItIntoALeaf for T {}
            impl #impl_generics ATracedTypeHasNoDropOfItsOwnPutThePartThatNeedsItIntoALeaf
                for #name #arguments #bounds {}
        }),
        By::OwnDrop => evaluated_now(input, library),
    };

    Ok(quote! {
        const _: () = {
            #trace

            #[automatically_derived]
            unsafe impl #impl_generics #library::Rebrand for #name #arguments #rebrand_bounds {
                type At<#brand> = #at;
            }

            #of_drop
        };
    })
}

/// The mask's evaluation, where it does not wait for parameters: what is wrong with it is said where the type stands.
fn evaluated_now(input: &DeriveInput, library: &Path) -> Option<TokenStream> {
    let name = &input.ident;
    let brand = match input.generics.params.iter().collect::<Vec<_>>()[..] {
        [] => None,
        [GenericParam::Lifetime(_)] => Some(quote!(<'static>)),
        _ => return None,
    };
    Some(quote!(const _: #library::TypeMask = <#name #brand as #library::Trace>::MASK;))
}

/// One brand at most, and sized parameters.
fn check_generics(generics: &Generics) -> Result<()> {
    if let Some(second) = generics.lifetimes().nth(1) {
        let message = "a traced type has one lifetime parameter at most, the brand of its references: use the same one for \
                       all of them. Borrows cannot be kept in the heap, except `&'static`";
        return Err(Error::new(second.span(), message));
    }
    let mut bounds: Vec<&TypeParamBound> =
        generics.type_params().flat_map(|parameter| &parameter.bounds).collect();
    for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
        if let WherePredicate::Type(predicate) = predicate {
            bounds.extend(&predicate.bounds);
        }
    }
    for bound in bounds {
        if let TypeParamBound::Trait(bound) = bound
            && matches!(bound.modifier, syn::TraitBoundModifier::Maybe(_))
        {
            let message = "a traced type has a size: remove `?Sized`, and keep sequences as `Gc<GcSlice<T>>`";
            return Err(Error::new(bound.span(), message));
        }
    }
    Ok(())
}

/// `T: wanted` for every parameter.
fn demand(parameters: &[Ident], wanted: &Path) -> Vec<WherePredicate> {
    parameters.iter().map(|parameter| parse_quote!(#parameter: #wanted)).collect()
}

/// Replaces the brand and the parameters of a type by those of another `enter`.
struct Rebranding {
    /// The lifetime parameter of the type.
    from: Option<Lifetime>,
    parameters: Vec<Ident>,
    library: Path,
    /// The new brand.
    brand: Lifetime,
    /// The type with the new brand.
    at: Type,
    /// What cannot be replaced.
    error: Option<Error>,
    /// Whether something was.
    replaced: bool,
}

impl Rebranding {
    fn new(input: &DeriveInput, library: &Path) -> Self {
        let name = &input.ident;
        let brand = Lifetime::new("'__at", Span::mixed_site());
        let arguments = input.generics.params.iter().map(|parameter| match parameter {
            GenericParam::Lifetime(_) => quote!(#brand),
            GenericParam::Type(parameter) => {
                let parameter = &parameter.ident;
                quote!(<#parameter as #library::Rebrand>::At<#brand>)
            }
            GenericParam::Const(parameter) => {
                let parameter = &parameter.ident;
                quote!(#parameter)
            }
        });
        let at = parse_quote!(#name<#(#arguments),*>);
        Self {
            from: input.generics.lifetimes().next().map(|parameter| parameter.lifetime.clone()),
            parameters: input.generics.type_params().map(|parameter| parameter.ident.clone()).collect(),
            library: library.clone(),
            brand,
            at,
            error: None,
            replaced: false,
        }
    }

    /// The type's bounds, of the rebranded parameters.
    fn bounds(&self, generics: &Generics) -> Result<Vec<WherePredicate>> {
        let inline =
            generics.type_params().filter(|parameter| !parameter.bounds.is_empty()).map(|parameter| {
                let (parameter, bounds) = (&parameter.ident, &parameter.bounds);
                parse_quote!(#parameter: #bounds)
            });
        let clause = generics.where_clause.iter().flat_map(|clause| clause.predicates.iter().cloned());
        inline.chain(clause).filter_map(|predicate| self.bound(predicate).transpose()).collect()
    }

    /// A bound of the rebranded parameters, if it is about them at all.
    fn bound(&self, predicate: WherePredicate) -> Result<Option<WherePredicate>> {
        let WherePredicate::Type(mut predicate) = predicate else { return Ok(None) };
        let mut visitor = Self {
            from: self.from.clone(),
            parameters: self.parameters.clone(),
            library: self.library.clone(),
            brand: self.brand.clone(),
            at: self.at.clone(),
            error: None,
            replaced: false,
        };
        visitor.visit_type_mut(&mut predicate.bounded_ty);
        for bound in &mut predicate.bounds {
            visitor.visit_type_param_bound_mut(bound);
        }
        if let Some(error) = visitor.error {
            return Err(error);
        }
        if !visitor.replaced {
            return Ok(None);
        }
        let brand = &self.brand;
        let mut lifetimes: Punctuated<GenericParam, Token![,]> = parse_quote!(#brand);
        lifetimes.extend(predicate.lifetimes.into_iter().flat_map(|bound| bound.lifetimes));
        predicate.lifetimes = Some(BoundLifetimes {
            for_token: parse_quote!(for),
            lt_token: parse_quote!(<),
            lifetimes,
            gt_token: parse_quote!(>),
        });
        Ok(Some(WherePredicate::Type(predicate)))
    }
}

impl VisitMut for Rebranding {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if self.from.as_ref() == Some(lifetime) {
            *lifetime = self.brand.clone();
            self.replaced = true;
        }
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty
            && path.qself.is_none()
            && let Some(first) = path.path.segments.first()
        {
            let is_parameter = self.parameters.contains(&first.ident);
            let is_self = first.ident == "Self";
            if (is_parameter || is_self) && path.path.segments.len() > 1 {
                let message = "say which trait this associated type belongs to: write `<T as Trait>::Name`";
                self.error.get_or_insert(Error::new(path.span(), message));
            } else if is_parameter {
                let (parameter, library, brand) = (&first.ident, &self.library, &self.brand);
                *ty = parse_quote!(<#parameter as #library::Rebrand>::At<#brand>);
                self.replaced = true;
                return;
            } else if is_self {
                *ty = self.at.clone();
                self.replaced = true;
                return;
            }
        }
        visit_mut::visit_type_mut(self, ty);
    }
}
