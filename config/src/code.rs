//! The kinds of problem. A number is never reused for another kind.

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) const $name: &str = $code;)*

        /// Every code of a [`Diagnostic`](crate::Diagnostic), with what it stands for.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    SYNTAX = "CFG001", "The text is not YAML.";
    DUPLICATE_KEY = "CFG002", "A key stands twice in one mapping.";
    TOO_LARGE = "CFG003", "The document is nested too deeply, or its aliases grow it beyond bounds.";
    DOCUMENTS = "CFG004", "The file holds no document, or more than one.";
    UNSET = "CFG005", "A variable that is not set is needed.";
    SUBSTITUTION = "CFG006", "A `${…}` is not well formed.";
    WRONG_TYPE = "CFG010", "A value is of another type than its option.";
    WRONG_VALUE = "CFG011", "A value is of the right type, but not one that its option takes.";
    UNKNOWN_KEY = "CFG012", "A key is not one of those that may stand here.";
    MISSING_KEY = "CFG013", "A key that has to be there is not.";
    UNKNOWN_COMPONENT = "CFG020", "There is no component of this name.";
    COMPONENTS = "CFG021", "A node has no component, or more than one.";
    DECODE = "CFG022", "A source needs `decode`, or has one and decodes nothing; or a sink has `encode` and writes no lines.";
    REJECTED = "CFG023", "A component cannot work with these options.";
    DOUBTFUL = "CFG026", "A component works with these options, but they are probably not meant so.";
    UNKNOWN_INPUT = "CFG030", "An input is not the name of a node.";
    CYCLE = "CFG031", "Nodes feed themselves.";
    SINK_AS_INPUT = "CFG032", "An input is a sink, which gives nothing on.";
    NAME = "CFG033", "A node's name is not allowed, or two nodes share it.";
    NOTHING_TO_DO = "CFG034", "The pipeline has no source or no sink.";
    CLAIMED_TWICE = "CFG035", "Two nodes need the same thing for themselves.";
    UNREAD = "CFG036", "What a node gives is read by nobody.";
    INPUT_TWICE = "CFG037", "An input is named twice.";
}
