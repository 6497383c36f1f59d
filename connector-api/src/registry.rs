//! The connectors there are: one visible list, and for each its options, from one declaration.
//!
//! An author implements a typed trait ([`SourceType`], [`SinkType`], …) whose `Options` is a plain struct deriving
//! `Deserialize` and `JsonSchema`: that one declaration gives parsing, defaults, checking, documentation and the JSON
//! Schema. The registry holds the erased twin, [`Component`].

use std::{collections::BTreeMap, fmt, sync::Arc};

use schemars::Schema;
use serde_json::Value;

use crate::{
    BuildContext, DecoderFactory, EncoderFactory, Error, Facilities, Holds, Options, Reread, Result, Sink,
    Source, Transform, plain_reread,
};

/// What a component is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComponentKind {
    /// Where readings come from.
    Source,
    /// What makes rows of a source's bytes.
    Decoder,
    /// What changes readings on the way.
    Transform,
    /// Where readings go.
    Sink,
    /// What makes bytes of a sink's rows.
    Encoder,
}

impl ComponentKind {
    /// Every kind, in the order in which readings meet them.
    pub const ALL: [Self; 5] = [Self::Source, Self::Decoder, Self::Transform, Self::Sink, Self::Encoder];

    /// The kind as a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Decoder => "decoder",
            Self::Transform => "transform",
            Self::Sink => "sink",
            Self::Encoder => "encoder",
        }
    }
}

/// Something wrong with options that are well formed, found without touching the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The option, from the component's own options down: `timeseries[0].encoding`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// It works, but is probably not meant so: the user is asked, and the component used.
    pub doubtful: bool,
}

impl Problem {
    /// A problem with an option.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), doubtful: false }
    }

    /// An option that works, but is probably not meant so.
    pub fn doubt(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { doubtful: true, ..Self::new(path, message) }
    }
}

/// What a source or a sink promises for what passes it, for its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// In plain words, Markdown: what is never lost, what may come twice, and when.
    pub text: &'static str,
    /// The tests that show it: functions by name, scripts by path.
    pub tests: &'static [&'static str],
}

macro_rules! component_trait {
    ($(#[$doc:meta])* $name:ident builds $built:ty) => {
        $(#[$doc])*
        pub trait $name: 'static {
            /// The name in a pipeline file: the noun of the protocol.
            const NAME: &'static str;
            /// One sentence for lists.
            const SUMMARY: &'static str;
            /// What a source or a sink promises; the others leave this to them.
            const GUARANTEE: Option<Guarantee> = None;
            /// Whether a source needs `decode:` beside it.
            const DECODES: bool = false;
            /// The options of a sink that `encode:` replaces: the two cannot be set together. `None` for a sink that takes no
            /// `encode:`.
            const ENCODES: Option<&'static [&'static str]> = None;
            /// Whether each record that a source reads, or a sink writes, stands alone: a line that names the columns of those behind it
            /// has no place there.
            const ALONE: bool = false;
            /// Whether an encoder makes records of bytes and no lines: it is for sinks whose records stand [alone](Self::ALONE).
            const BINARY: bool = false;
            /// What a transform keeps from one batch to the next.
            const HOLDS: Holds = Holds::Nothing;
            /// Whether a transform with saved state passes rows on at once, as they came, or leaves them out: it remembers what it saw, and
            /// holds nothing back.
            const PASSES: bool = false;
            /// The options: a plain struct, or one [`With`](crate::With) another; its doc comments are the reference.
            type Options: Options;

            /// What a transform keeps with these options; [`Self::HOLDS`] where that depends on none of them.
            fn holds(options: &Self::Options) -> Holds {
                let _: &Self::Options = options;
                Self::HOLDS
            }

            /// What is wrong with options that are well formed. Pure: it touches nothing.
            fn check(options: &Self::Options) -> Vec<Problem> {
                let _: &Self::Options = options;
                Vec::new()
            }

            /// What is wrong with options that [`Self::check`] finds nothing wrong with, as far as files on this machine tell.
            /// Asked by `levada lint`; blocks, changes nothing and opens no store.
            fn look(options: &Self::Options, facilities: &Facilities) -> Vec<Problem> {
                let _: (&Self::Options, &Facilities) = (options, facilities);
                Vec::new()
            }

            /// Whether a decoder or an encoder needs a line that names the columns, with these options: [`Self::ALONE`] is not for it.
            fn needs_header(options: &Self::Options) -> bool {
                let _: &Self::Options = options;
                false
            }

            /// The option by which a sink puts several rows into one record: an encoder of [bytes](Self::BINARY) cannot be beside it.
            fn joins(options: &Self::Options) -> Option<&'static str> {
                let _: &Self::Options = options;
                None
            }

            /// What the component must have for itself (`file /data/out.csv`): two that claim the same are rejected.
            fn claims(options: &Self::Options) -> Vec<String> {
                let _: &Self::Options = options;
                Vec::new()
            }

            /// The outputs of a transform beside the node itself, in their order; others read them as `NODE.OUTPUT`.
            fn outputs(options: &Self::Options) -> Vec<String> {
                let _: &Self::Options = options;
                Vec::new()
            }

            /// What makes rows of records that a source read before: for dead letters that are sent again. A source that adds
            /// something to its records, or whose decoder needs more than a record, says how.
            ///
            /// # Errors
            /// The component is no source of records, or the options cannot work.
            fn reread(options: Self::Options, context: &BuildContext) -> Result<Box<dyn Reread>> {
                let _: Self::Options = options;
                plain_reread(context)
            }

            /// Makes it. Touches nothing yet.
            ///
            /// # Errors
            /// The options cannot work.
            fn build(options: Self::Options, context: &BuildContext) -> Result<$built>;
        }
    };
}

component_trait! {
    /// A kind of source, for its author.
    SourceType builds Box<dyn Source>
}
component_trait! {
    /// A kind of transform, for its author.
    TransformType builds Box<dyn Transform>
}
component_trait! {
    /// A kind of sink, for its author.
    SinkType builds Arc<dyn Sink>
}
component_trait! {
    /// A kind of decoder, for its author.
    DecoderType builds DecoderFactory
}

component_trait! {
    /// A kind of encoder, for its author.
    EncoderType builds EncoderFactory
}

/// What a component's `build` gives.
enum Built {
    Source(Box<dyn Source>),
    Transform(Box<dyn Transform>),
    Sink(Arc<dyn Sink>),
    Decoder(DecoderFactory),
    Encoder(EncoderFactory),
}

type Inspect = Box<dyn Fn(&Value) -> Result<(Vec<Problem>, Vec<String>), Problem> + Send + Sync>;
type Look = Box<dyn Fn(&Value, &Facilities) -> Vec<Problem> + Send + Sync>;
type NeedsHeader = Box<dyn Fn(&Value) -> bool + Send + Sync>;
type Joins = Box<dyn Fn(&Value) -> Option<&'static str> + Send + Sync>;
type Keeps = Box<dyn Fn(&Value) -> Holds + Send + Sync>;
type Outputs = Box<dyn Fn(&Value) -> Result<Vec<String>, Problem> + Send + Sync>;
type Build = Box<dyn Fn(Value, &BuildContext) -> Result<Built> + Send + Sync>;
type MakeReread = Box<dyn Fn(Value, &BuildContext) -> Result<Box<dyn Reread>> + Send + Sync>;

/// A component as the registry holds it.
pub struct Component {
    /// What it is for.
    pub kind: ComponentKind,
    /// Its name in a pipeline file.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What it promises, if it is a source or a sink.
    pub guarantee: Option<Guarantee>,
    /// Whether it wants `decode:` beside it.
    pub decodes: bool,
    /// Whether it may have `encode:` beside it, and which of its options say the same.
    pub encodes: Option<&'static [&'static str]>,
    /// Whether each of its records stands alone, without a line before them that names their columns.
    pub alone: bool,
    /// Whether it is an encoder of records of bytes, and not of lines.
    pub binary: bool,
    /// Whether it passes rows on at once, as they came, or leaves them out, where it is a transform with saved state.
    pub passes: bool,
    /// The JSON Schema of its options, with descriptions and defaults.
    pub schema: Schema,
    inspect: Inspect,
    look: Look,
    needs_header: NeedsHeader,
    joins: Joins,
    holds: Keeps,
    outputs: Outputs,
    reread: MakeReread,
    build: Build,
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("kind", &self.kind).field("name", &self.name).finish()
    }
}

impl Component {
    /// Checks options that fit the schema: the problems found, and what the component claims for itself.
    ///
    /// # Errors
    /// The options do not have the form of the schema, or one of them does not say what its type wants to read.
    pub fn inspect(&self, options: &Value) -> Result<(Vec<Problem>, Vec<String>), Problem> {
        (self.inspect)(options)
    }

    /// What is wrong with options that [`Component::inspect`] finds nothing wrong with, as far as files on this machine tell.
    /// Blocks, changes nothing and opens no store. Options that do not have the form of the schema have nothing to say here.
    pub fn look(&self, options: &Value, facilities: &Facilities) -> Vec<Problem> {
        (self.look)(options, facilities)
    }

    /// Whether a decoder or an encoder needs a line that names the columns, with these options.
    pub fn needs_header(&self, options: &Value) -> bool {
        (self.needs_header)(options)
    }

    /// The option by which a sink puts several rows into one record, with these options.
    pub fn joins(&self, options: &Value) -> Option<&'static str> {
        (self.joins)(options)
    }

    /// What a transform keeps from one batch to the next, with these options.
    pub fn holds(&self, options: &Value) -> Holds {
        (self.holds)(options)
    }

    /// The outputs of a transform beside the node itself.
    ///
    /// # Errors
    /// As [`Component::inspect`].
    pub fn outputs(&self, options: &Value) -> Result<Vec<String>, Problem> {
        (self.outputs)(options)
    }

    /// Makes a source.
    ///
    /// # Errors
    /// The options cannot work, or the component is no source.
    pub fn source(&self, options: Value, context: &BuildContext) -> Result<Box<dyn Source>> {
        match (self.build)(options, context)? {
            Built::Source(source) => Ok(source),
            _ => Err(self.wrong_kind(ComponentKind::Source)),
        }
    }

    /// What makes rows of records that a source read before.
    ///
    /// # Errors
    /// As [`Component::source`]; or the rows of the source do not come from records.
    pub fn reread(&self, options: Value, context: &BuildContext) -> Result<Box<dyn Reread>> {
        (self.reread)(options, context)
    }

    /// Makes a transform.
    ///
    /// # Errors
    /// As [`Component::source`].
    pub fn transform(&self, options: Value, context: &BuildContext) -> Result<Box<dyn Transform>> {
        match (self.build)(options, context)? {
            Built::Transform(transform) => Ok(transform),
            _ => Err(self.wrong_kind(ComponentKind::Transform)),
        }
    }

    /// Makes a sink.
    ///
    /// # Errors
    /// As [`Component::source`].
    pub fn sink(&self, options: Value, context: &BuildContext) -> Result<Arc<dyn Sink>> {
        match (self.build)(options, context)? {
            Built::Sink(sink) => Ok(sink),
            _ => Err(self.wrong_kind(ComponentKind::Sink)),
        }
    }

    /// Makes a decoder's factory.
    ///
    /// # Errors
    /// As [`Component::source`].
    pub fn decoder(&self, options: Value, context: &BuildContext) -> Result<DecoderFactory> {
        match (self.build)(options, context)? {
            Built::Decoder(decoder) => Ok(decoder),
            _ => Err(self.wrong_kind(ComponentKind::Decoder)),
        }
    }

    /// Makes an encoder's factory.
    ///
    /// # Errors
    /// As [`Component::source`].
    pub fn encoder(&self, options: Value, context: &BuildContext) -> Result<EncoderFactory> {
        match (self.build)(options, context)? {
            Built::Encoder(encoder) => Ok(encoder),
            _ => Err(self.wrong_kind(ComponentKind::Encoder)),
        }
    }

    fn wrong_kind(&self, wanted: ComponentKind) -> Error {
        Error::bug(format!("{} is a {}, not a {}", self.name, self.kind.name(), wanted.name()))
    }
}

/// The components there are, by kind and name.
#[derive(Debug, Default)]
pub struct Registry {
    components: BTreeMap<(ComponentKind, &'static str), Component>,
    facilities: Facilities,
}

fn read_options<T: Options>(options: Value) -> Result<T> {
    T::read(options).map_err(|problem| Error::config(problem.message).with("option", problem.path))
}

macro_rules! add {
    ($method:ident, $kind:ident, $bound:ident) => {
        /// Adds a component; one of the same kind and name is replaced.
        #[must_use]
        pub fn $method<T: $bound>(mut self) -> Self {
            let component = Component {
                kind: ComponentKind::$kind,
                name: T::NAME,
                summary: T::SUMMARY,
                guarantee: T::GUARANTEE,
                decodes: T::DECODES,
                encodes: T::ENCODES,
                alone: T::ALONE,
                binary: T::BINARY,
                passes: T::PASSES,
                schema: T::Options::schema(),
                inspect: Box::new(|options| {
                    let options = T::Options::read(options.clone())?;
                    Ok((T::check(&options), T::claims(&options)))
                }),
                look: Box::new(|options, facilities| {
                    T::Options::read(options.clone())
                        .map_or_else(|_| Vec::new(), |options| T::look(&options, facilities))
                }),
                needs_header: Box::new(|options| {
                    T::Options::read(options.clone()).is_ok_and(|options| T::needs_header(&options))
                }),
                joins: Box::new(|options| {
                    T::Options::read(options.clone()).ok().and_then(|options| T::joins(&options))
                }),
                holds: Box::new(|options| {
                    T::Options::read(options.clone()).map_or(T::HOLDS, |options| T::holds(&options))
                }),
                outputs: Box::new(|options| Ok(T::outputs(&T::Options::read(options.clone())?))),
                reread: Box::new(|options, context| T::reread(read_options::<T::Options>(options)?, context)),
                build: Box::new(|options, context| {
                    T::build(read_options::<T::Options>(options)?, context).map(Built::$kind)
                }),
            };
            self.components.insert((ComponentKind::$kind, T::NAME), component);
            self
        }
    };
}

impl Registry {
    /// No components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lends something to the components ([`BuildContext::facilities`]).
    #[must_use]
    pub fn lending<T: std::any::Any + Send + Sync>(mut self, facility: T) -> Self {
        self.facilities = self.facilities.with(facility);
        self
    }

    /// What is lent to the components.
    pub fn facilities(&self) -> &Facilities {
        &self.facilities
    }

    add!(with_source, Source, SourceType);
    add!(with_decoder, Decoder, DecoderType);
    add!(with_transform, Transform, TransformType);
    add!(with_sink, Sink, SinkType);
    add!(with_encoder, Encoder, EncoderType);

    /// A component by kind and name.
    pub fn get(&self, kind: ComponentKind, name: &str) -> Option<&Component> {
        self.all(kind).find(|component| component.name == name)
    }

    /// The components of a kind, by name.
    pub fn all(&self, kind: ComponentKind) -> impl Iterator<Item = &Component> {
        self.components.values().filter(move |component| component.kind == kind)
    }
}
