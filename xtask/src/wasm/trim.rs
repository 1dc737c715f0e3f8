//! After linking: exports that are not wanted go, with all code that only they reach.

use anyhow::{Result, bail};
use walrus::{Module, ModuleConfig};

/// What begins the names of callbacks that a module answers itself, in place of the SDK's.
const OWN: &str = "portcullis_on_";
/// What begins the names under which Envoy calls them.
const CALLED: &str = "proxy_on_";

/// The module with no exports but `kept`, without the code that nothing reaches then, and without names,
/// producers and debug sections. What it exports as `portcullis_on_…` is exported as `proxy_on_…` instead of whatever
/// was so before.
///
/// # Errors
/// When the bytes are no module, or one of `kept` is not exported.
pub fn trim(bytes: &[u8], kept: &[&str]) -> Result<Vec<u8>> {
    let mut module = parse(bytes)?;
    put_own_in_place(&mut module);
    for name in kept {
        if !module.exports.iter().any(|export| export.name == *name) {
            bail!("the module does not export `{name}`");
        }
    }
    let unwanted: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !kept.contains(&export.name.as_str()))
        .map(walrus::Export::id)
        .collect();
    for id in unwanted {
        module.exports.delete(id);
    }
    let sections: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for id in sections {
        module.customs.delete(id);
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn put_own_in_place(module: &mut Module) {
    let own: Vec<_> = module
        .exports
        .iter()
        .filter_map(|export| Some((export.id(), export.name.strip_prefix(OWN)?.to_owned())))
        .collect();
    for (id, callback) in own {
        let name = format!("{CALLED}{callback}");
        let replaced: Vec<_> = module
            .exports
            .iter()
            .filter(|export| export.name == name)
            .map(walrus::Export::id)
            .collect();
        for id in replaced {
            module.exports.delete(id);
        }
        module.exports.get_mut(id).name = name;
    }
}

/// The names of what a module exports, sorted.
///
/// # Errors
/// When the bytes are no module.
pub fn exports(bytes: &[u8]) -> Result<Vec<String>> {
    let mut names: Vec<_> = parse(bytes)?
        .exports
        .iter()
        .map(|export| export.name.clone())
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn parse(bytes: &[u8]) -> Result<Module> {
    ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .generate_dwarf(false)
        .parse(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that exports two functions, of which each is the only way to itself.
    fn two_functions() -> Vec<u8> {
        functions(&["kept", "unwanted"])
    }

    /// A module that exports functions, of which each holds its own number.
    fn functions(names: &[&str]) -> Vec<u8> {
        let mut module = Module::with_config(ModuleConfig::new());
        for (number, name) in (0..).zip(names) {
            let mut function = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
            function.func_body().i32_const(number).drop();
            let id = function.finish(vec![], &mut module.funcs);
            module.exports.add(name, id);
        }
        module.emit_wasm()
    }

    #[test]
    fn what_is_not_kept_is_gone_with_its_code() {
        let trimmed = trim(&two_functions(), &["kept"]).unwrap();
        assert_eq!(exports(&trimmed).unwrap(), ["kept"]);
        assert_eq!(parse(&trimmed).unwrap().funcs.iter().count(), 1);
    }

    #[test]
    fn a_callback_of_our_own_takes_the_place_of_the_sdks() {
        let module = functions(&["proxy_on_tick", "proxy_on_log", "portcullis_on_log"]);
        let trimmed = trim(&module, &["proxy_on_log"]).unwrap();
        assert_eq!(exports(&trimmed).unwrap(), ["proxy_on_log"]);
        let alone = trim(&functions(&["proxy_on_log"]), &["proxy_on_log"]).unwrap();
        assert_ne!(
            trimmed, alone,
            "the function with the number 2 is kept, not the one with 0"
        );
    }

    #[test]
    fn a_missing_export_is_named() {
        let refusal = trim(&two_functions(), &["absent"]).unwrap_err();
        assert_eq!(refusal.to_string(), "the module does not export `absent`");
    }
}
