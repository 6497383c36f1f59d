//! The folder of modules: files that declare functions by id, in sub-folders too.
//!
//! ```text
//!   ext/udf/plant/adder.wasm      org.example.Adder          looked up each time a function is made of an id
//!          /stats.wasm            org.example.Max, …
//!          /.installed/…          files that `using uri` brought; each is for one function alone
//! ```
//!
//! Nothing is cached here, so a file that is put there counts at once.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_query::{FunctionDefinition, FunctionRegistry};
use levada_storage::{Disk, SystemDisk};
use levada_udf::{UdfError, UdfFactory, UdfLimits, UdfLoader};

/// How deep sub-folders are looked into; links may go in circles.
const MAX_DEPTH: usize = 16;
/// Bytes of a file that may be a module.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// What files from elsewhere are kept in.
const INSTALLED: &str = ".installed";

/// The folder, and what makes functions of what is in it.
#[derive(Debug)]
pub(crate) struct ModuleFolder {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    loader: Option<Arc<dyn UdfLoader>>,
}

/// What a module declares.
type Functions = Vec<Arc<dyn UdfFactory>>;

/// What a look for an id came upon.
#[derive(Debug, Default)]
struct Search {
    found: Vec<(PathBuf, Arc<dyn UdfFactory>)>,
    /// How many files may be modules; folders that cannot be read count too.
    looked_at: usize,
    /// Files that may be modules and cannot be read as such, and why.
    faults: Vec<String>,
}

impl ModuleFolder {
    pub(crate) fn new(dir: PathBuf, disk: Arc<dyn Disk>, loader: Option<Arc<dyn UdfLoader>>) -> Self {
        Self { dir, disk, loader }
    }

    /// The function of an id, of the one module that declares it.
    ///
    /// # Errors
    /// No module declares it, several do, or the one cannot be run; in words.
    pub(super) fn load(&self, id: &str) -> Result<Arc<dyn UdfFactory>, String> {
        let loader = self.loader()?;
        let mut search = Search::default();
        self.each(loader, &mut |file, declared| {
            search.looked_at += 1;
            match declared {
                Ok(declared) => {
                    let found = declared.into_iter().filter(|each| each.id() == id);
                    search.found.extend(found.map(|each| (file.to_owned(), each)));
                }
                Err(why) => search.faults.push(why),
            }
        });
        match search.found.as_slice() {
            [(_, factory)] => Ok(Arc::clone(factory)),
            [] => Err(self.not_found(&search)),
            several => {
                let files: Vec<_> = several.iter().map(|(file, _)| file.display().to_string()).collect();
                Err(format!("it is declared by {}: leave one of them there", files.join(" and by ")))
            }
        }
    }

    /// The function of an id, of a file that was brought here for it.
    ///
    /// # Errors
    /// The file does not declare it or cannot be run; in words.
    pub(super) fn load_installed(&self, name: &str, id: &str) -> Result<Arc<dyn UdfFactory>, String> {
        of_file(self.loader()?, &self.dir.join(INSTALLED).join(name), id)
    }

    /// Brings a file here, durably, for the function of a name; gives what it is called here.
    ///
    /// # Errors
    /// It cannot be read, declares no such function, or cannot be written; in words.
    pub(super) fn install(&self, from: &Path, name: &str, id: &str) -> Result<String, String> {
        let loader = self.loader()?;
        let within = |file: &Path, error: io::Error| format!("{}: {error}", file.display());
        let bytes = self.read(from).map_err(|error| within(from, error))?;
        of_file(loader, from, id)?;
        let dir = self.dir.join(INSTALLED);
        let extension = from.extension().map_or("wasm".into(), |each| each.to_string_lossy());
        let installed = format!("{}.{extension}", file_name(name));
        let (file, beside) = (dir.join(&installed), dir.join(format!("{installed}.tmp")));
        let write = || {
            self.disk.create_dir(&dir)?;
            let mut out = self.disk.create_private(&beside)?;
            out.write_all(&bytes)?;
            out.sync()?;
            drop(out);
            self.disk.rename(&beside, &file)?;
            self.disk.sync_dir(&dir)
        };
        write().map_err(|error| within(&file, error))?;
        Ok(installed)
    }

    /// Removes a file that was brought here; one that cannot be removed stays, and does no harm.
    pub(super) fn remove_installed(&self, name: &str) {
        let file = self.dir.join(INSTALLED).join(name);
        if let Err(error) = self.disk.remove(&file) {
            tracing::warn!(file = %file.display(), %error, "a module that no function uses any more was not removed");
        }
    }

    fn loader(&self) -> Result<&dyn UdfLoader, String> {
        self.loader.as_deref().ok_or_else(|| "this program cannot run modules".to_owned())
    }

    /// The functions of every module, in the order of the files' names; or why a file, or a folder, cannot be read.
    fn each(&self, loader: &dyn UdfLoader, visit: &mut dyn FnMut(&Path, Result<Functions, String>)) {
        self.each_below(loader, &self.dir, 0, visit);
    }

    fn each_below(
        &self,
        loader: &dyn UdfLoader,
        dir: &Path,
        depth: usize,
        visit: &mut dyn FnMut(&Path, Result<Functions, String>),
    ) {
        let is_hidden =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let (mut files, mut folders) = match (self.disk.files(dir), self.disk.folders(dir)) {
            (Ok(files), Ok(folders)) => (files, folders),
            (Err(error), _) | (_, Err(error)) => {
                visit(dir, Err(format!("{}: {error}", dir.display())));
                return;
            }
        };
        files.retain(|file| !is_hidden(file) && loader.reads(file));
        files.sort_unstable();
        for file in files {
            visit(&file, loader.load(&file).map_err(|error| in_words(&error)));
        }
        if depth < MAX_DEPTH {
            folders.retain(|folder| !is_hidden(folder));
            folders.sort_unstable();
            folders.iter().for_each(|folder| self.each_below(loader, folder, depth + 1, visit));
        }
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let opened = self.disk.open(file)?;
        let length = opened.len()?;
        if length > MAX_FILE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it has {length} bytes, and a module has {MAX_FILE_BYTES} at most"),
            ));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        opened.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    fn not_found(&self, search: &Search) -> String {
        let mut message = format!(
            "no module below {} declares it ({} looked at)",
            self.dir.display(),
            match search.looked_at {
                1 => "1 file was".to_owned(),
                files => format!("{files} files were"),
            }
        );
        if let Some(first) = search.faults.first() {
            message.push_str(&format!("; {first}"));
            if search.faults.len() > 1 {
                message.push_str(&format!(", and {} more cannot be read", search.faults.len() - 1));
            }
        }
        message
    }
}

/// The error of a loader, whose function is the file.
fn in_words(error: &UdfError) -> String {
    format!("{}: {}", error.function, error.fault)
}

/// The functions that are built in and those of the modules below a folder, for who has no engine. Each is called by the last
/// part of its id: `adder` is `org.example.Adder`. Blocks.
///
/// # Errors
/// The folder is not there, a module cannot be read, or two functions have one name; in words.
pub fn functions_of(
    dir: &Path,
    loader: Arc<dyn UdfLoader>,
    limits: &UdfLimits,
) -> Result<Arc<FunctionRegistry>, String> {
    if !dir.is_dir() {
        return Err(format!("there is no folder {}", dir.display()));
    }
    let folder = ModuleFolder::new(dir.to_owned(), Arc::new(SystemDisk), None);
    let mut found = Vec::new();
    folder.each(&*loader, &mut |file, declared| found.push((file.to_owned(), declared)));
    let mut registry = FunctionRegistry::clone(&FunctionRegistry::builtin());
    let mut named: Vec<(String, PathBuf)> = Vec::new();
    for (file, declared) in found {
        for factory in declared? {
            let id = factory.id();
            let name = id.rsplit(['.', ':', '/']).next().unwrap_or(id).to_owned();
            if let Some((_, other)) = named.iter().find(|(each, _)| each.eq_ignore_ascii_case(&name)) {
                let (other, file) = (other.display(), file.display());
                return Err(format!("two functions are called `{name}`: of {other} and of {file}"));
            }
            let definition = FunctionDefinition::udf(name.clone(), factory, limits.clone());
            registry = registry.with(definition).map_err(|error| format!("{}: {error}", file.display()))?;
            named.push((name, file.clone()));
        }
    }
    Ok(Arc::new(registry))
}

/// The function of an id, of a file.
fn of_file(loader: &dyn UdfLoader, file: &Path, id: &str) -> Result<Arc<dyn UdfFactory>, String> {
    let declared = loader.load(file).map_err(|error| in_words(&error))?;
    let ids: Vec<_> = declared.iter().map(|each| each.id()).collect();
    let at = ids.iter().position(|each| *each == id).ok_or_else(|| match ids.as_slice() {
        [] => format!("{} declares no function", file.display()),
        ids => format!("{} declares {}", file.display(), ids.join(", ")),
    })?;
    Ok(Arc::clone(&declared[at]))
}

/// The name of a function as that of a file: no two names have the same.
fn file_name(name: &str) -> String {
    let mut file = String::new();
    for byte in name.to_lowercase().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => file.push(char::from(byte)),
            other => file.push_str(&format!("-{other:02x}")),
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_functions_name_becomes_the_name_of_a_file_of_its_own() {
        assert_eq!(file_name("Adder_2"), "adder_2");
        assert_eq!(file_name("../x y"), "-2e-2e-2fx-20y");
        assert_ne!(file_name("a-20"), file_name("a "));
    }
}
