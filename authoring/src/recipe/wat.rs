//! WebAssembly text: a whole module or component in one file, without the SDK, or the fields of one module in several.
//!
//! The fields are those of the SDK's files, then those of the policy's own, each by name, one
//! behind the other. Imports go first, wherever they are written. What is wrong is told with the
//! place in the file that its author knows.

use std::{fs, ops::Range, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use wasmparser::{
    BinaryReaderError, FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};
use wast::{
    Error, Wat,
    core::{Data, DataKind, Func, FuncKind, Instruction, Module, ModuleField, ModuleKind},
    parser::{self, ParseBuffer},
    token::Span,
};

use super::{sources, wit};
use crate::{
    Project,
    component::{COMPONENT, described, of_module},
};

pub(super) fn component_of_text(project: &Project) -> Result<Vec<u8>> {
    let (text, wit) = (Text::read(project.dir())?, wit(project));
    let binary = text.encode()?;
    if binary.starts_with(&COMPONENT) {
        return Ok(binary);
    }
    of_module(&described(binary, &wit)?)
        .with_context(|| format!("{} does not fit the world in {}", text.own_names(), wit.display()))
}

/// All of a project's text.
struct Text {
    whole: String,
    files: Vec<File>,
}

/// The files' names and what is in them.
fn read(dir: &Path, names: Vec<String>) -> Result<Vec<(String, String)>> {
    let read = |name: String| {
        let content = fs::read_to_string(dir.join(&name)).with_context(|| format!("{name} cannot be read"))?;
        Ok((name, content))
    };
    names.into_iter().map(read).collect()
}

/// Whether this is a module or component, rather than fields of one, or nothing that makes sense.
fn is_whole(content: &str) -> bool {
    let Ok(buffer) = ParseBuffer::new(content) else { return false };
    parser::parse::<Wat>(&buffer).is_ok_and(|text| !is_fields(&text))
}

fn is_fields(text: &Wat<'_>) -> bool {
    // Fields alone begin nowhere in particular.
    matches!(text, Wat::Module(module) if module.span.offset() == 0)
}

/// Where a file is in it.
struct File {
    name: String,
    begin: usize,
    end: usize,
}

impl Text {
    fn read(dir: &Path) -> Result<Self> {
        let own = read(dir, sources(dir, "", "wat")?)?;
        let sdk = match &*own {
            [] => bail!("there is no text in {}: expected policy.wat", dir.display()),
            [(_, alone)] if is_whole(alone) => Vec::new(),
            _ if dir.join("sdk").is_dir() => read(dir, sources(dir, "sdk/", "wat")?)?,
            _ => Vec::new(),
        };
        let mut text = Self { whole: String::new(), files: Vec::new() };
        sdk.into_iter().chain(own).for_each(|(name, content)| text.add(name, &content));
        Ok(text)
    }

    fn add(&mut self, name: String, content: &str) {
        let begin = self.whole.len();
        self.whole += content;
        self.files.push(File { name, begin, end: self.whole.len() });
        // A comment in the last line ends with it.
        self.whole.push('\n');
    }

    /// The files that are not the SDK's.
    fn own_names(&self) -> String {
        let names: Vec<_> = self.files.iter().map(|file| &*file.name).filter(|name| !name.contains('/')).collect();
        names.join(", ")
    }

    fn encode(&self) -> Result<Vec<u8>> {
        for file in &self.files {
            self.is_complete(file).map_err(|wrong| self.told(file, wrong))?;
        }
        self.encode_whole().map_err(|wrong| {
            let Some(place) = wrong.place else { return anyhow!("{}: {}", self.own_names(), wrong.message) };
            let file = self.files.iter().rfind(|file| file.begin <= place).unwrap_or(&self.files[0]);
            self.told(file, Wrong { place: Some(place - file.begin), ..wrong })
        })
    }

    fn encode_whole(&self) -> Result<Vec<u8>, Wrong> {
        let mut buffer = ParseBuffer::new(&self.whole)?;
        buffer.track_instr_spans(true);
        let mut text = parser::parse::<Wat>(&buffer)?;
        if let Some(fields) = fields(&mut text) {
            fields.sort_by_key(|field| !is_import(field));
        }
        let binary = text.encode()?;
        if let Some(fields) = fields(&mut text) {
            check(&binary, fields)?;
            if self.files.len() > 1 {
                check_data(fields)?;
            }
        }
        Ok(binary)
    }

    /// Whether a file is right by itself, in that nothing in it is open at its end, and may stand where it does.
    fn is_complete(&self, file: &File) -> Result<(), Wrong> {
        let buffer = ParseBuffer::new(&self.whole[file.begin..file.end])?;
        let text = parser::parse::<Wat>(&buffer)?;
        match self.files.iter().find(|other| other.name != file.name) {
            Some(other) if !is_fields(&text) => Err(Wrong {
                place: Some(text.span().offset()),
                message: format!(
                    "this is whole by itself, and there are other files, such as {}: either leave `(module` and its `)` out, for the \
                     fields of all files make one module, or remove the others",
                    other.name
                ),
            }),
            _ => Ok(()),
        }
    }

    /// What is wrong in a file, as `wat` tells it.
    fn told(&self, file: &File, wrong: Wrong) -> anyhow::Error {
        let mut error = Error::new(Span::from_offset(wrong.place.unwrap_or(0)), wrong.message);
        error.set_path(Path::new(&file.name));
        error.set_text(&self.whole[file.begin..file.end]);
        anyhow!("{}: {error}", file.name)
    }
}

/// What is wrong with a text, and at which byte of it, if that is known.
struct Wrong {
    place: Option<usize>,
    message: String,
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self { place: Some(error.span().offset()), message: error.message() }
    }
}

impl From<BinaryReaderError> for Wrong {
    fn from(error: BinaryReaderError) -> Self {
        Self { place: None, message: error.message().into() }
    }
}

/// A module's fields, where it is text.
fn fields<'a, 'text>(text: &'a mut Wat<'text>) -> Option<&'a mut Vec<ModuleField<'text>>> {
    match text {
        Wat::Module(Module { kind: ModuleKind::Text(fields), .. }) => Some(fields),
        _ => None,
    }
}

fn is_import(field: &ModuleField<'_>) -> bool {
    matches!(field, ModuleField::Import(_) | ModuleField::Func(Func { kind: FuncKind::Import(..), .. }))
}

/// Whether the module is valid, of which the encoder would say where only in its binary.
fn check(binary: &[u8], fields: &[ModuleField<'_>]) -> Result<(), Wrong> {
    // What the host has no use for is not for here to say.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut functions = fields.iter().filter_map(|field| match field {
        ModuleField::Func(function) => Some(function),
        _ => None,
    });
    for payload in wasmparser::Parser::new(0).parse_all(binary) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let text = functions.next();
            check_function(function, &body).map_err(|(instruction, error)| Wrong {
                place: text.map(|text| place(text, instruction).offset()),
                ..error.into()
            })?;
        }
    }
    Ok(())
}

/// Whether the data lie apart. Where one file's lie over another's, a text loses its end, and
/// nothing else would say so.
fn check_data(fields: &[ModuleField<'_>]) -> Result<(), Wrong> {
    let mut places: Vec<_> = fields.iter().filter_map(data_place).collect();
    places.sort_unstable_by_key(|(bytes, _)| bytes.start);
    match places.windows(2).find(|pair| pair[0].0.end > pair[1].0.start) {
        None => Ok(()),
        Some(pair) => {
            let ((before, _), (bytes, span)) = (&pair[0], &pair[1]);
            let message = format!(
                "these data lie at {} to {}, where others are, from {} to {}: move them on",
                bytes.start,
                bytes.end - 1,
                before.start,
                before.end - 1
            );
            Err(Wrong { place: Some(span.offset()), message })
        }
    }
}

/// Which bytes of the memory are given here, at a place that is a number.
fn data_place(field: &ModuleField<'_>) -> Option<(Range<u64>, Span)> {
    let ModuleField::Data(Data { span, kind: DataKind::Active { offset, .. }, data, .. }) = field else { return None };
    let [Instruction::I32Const(at)] = *offset.instrs else { return None };
    let (at, length) = (u64::from(at.cast_unsigned()), data.iter().map(|value| value.len() as u64).sum::<u64>());
    (length > 0).then(|| (at..at + length, *span))
}

/// The instruction that is not valid, counted from the function's first, and why.
fn check_function(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
) -> Result<(), (usize, BinaryReaderError)> {
    let mut validator = function.into_validator(FuncValidatorAllocations::default());
    let in_locals = |error| (usize::MAX, error);
    validator.read_locals(&mut body.get_binary_reader()).map_err(in_locals)?;
    let operators = body.get_operators_reader().map_err(in_locals)?;
    for (instruction, operator) in operators.into_iter_with_offsets().enumerate() {
        let valid = operator.and_then(|(operator, offset)| validator.op(offset, &operator));
        valid.map_err(|error| (instruction, error))?;
    }
    Ok(())
}

/// Where an instruction of a function is; where the function is, if what is wrong is its end or its locals.
fn place(function: &Func<'_>, instruction: usize) -> Span {
    let spans = match &function.kind {
        FuncKind::Inline { expression, .. } => expression.instr_spans.as_deref(),
        FuncKind::Import(..) => None,
    };
    spans.and_then(|spans| spans.get(instruction)).copied().unwrap_or(function.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, scaffold};

    fn text(files: &[(&str, &str)]) -> Text {
        let mut text = Text { whole: String::new(), files: Vec::new() };
        files.iter().for_each(|(name, content)| text.add((*name).into(), content));
        text
    }

    #[test]
    fn a_new_project_is_one_module_of_the_sdk_and_its_own_text() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("calm");
        scaffold(&dir, "calm", Language::Wat).unwrap();
        let policy = fs::read_to_string(dir.join("policy.wat")).unwrap();
        let built = Project::open(&dir).unwrap().build().unwrap();
        assert!(fs::read(built).unwrap().starts_with(&COMPONENT));
        fs::write(dir.join("policy.wat"), "(component)").unwrap();
        Project::open(&dir).unwrap().build().unwrap();
        let policy = policy.replace("new-session@", "old-session@");
        fs::write(dir.join("policy.wat"), policy).unwrap();
        let error = format!("{:#}", Project::open(&dir).unwrap().build().unwrap_err());
        assert!(error.contains("policy.wat does not fit the world in "), "{error}");
        fs::remove_file(dir.join("policy.wat")).unwrap();
        let error = format!("{:#}", Project::open(&dir).unwrap().build().unwrap_err());
        assert!(error.contains("expected policy.wat"), "{error}");
    }

    #[test]
    fn a_file_alone_may_be_a_whole_module_or_component() {
        assert!(text(&[("policy.wat", "(component)")]).encode().unwrap().starts_with(&COMPONENT));
        let module = text(&[("policy.wat", ";; A comment.\n(module (func))")]).encode().unwrap();
        assert_eq!(module, text(&[("policy.wat", "(func)")]).encode().unwrap());
        assert_eq!(
            text(&[("policy.wat", r#"(module binary "\00asm\01\00\00\00")"#)]).encode().unwrap(),
            b"\0asm\x01\0\0\0"
        );
    }

    #[test]
    fn files_are_put_together_wherever_their_imports_stand() {
        let files = [
            ("sdk/a.wat", "(func $a (call $b)) ;; calls what comes later, in a comment that no line ends"),
            ("b.wat", "(func $b (call $c))\n(import \"host\" \"c\" (func $c))"),
            ("d.wat", "(func $d (import \"host\" \"d\"))"),
        ];
        text(&files).encode().unwrap();
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_in_its_file() {
        let cases = [
            ("(func $b\n  (call $a)", "expected `)`", "b.wat:2:12"),
            ("(func $b)\n(fun $c)", "expected valid module field", "b.wat:2:2"),
            ("(func $b)\n;; \u{e4}\n(data \"\\q\")", "invalid string escape", "b.wat:3:9"),
            ("(func $b\n  (call $nobody))", "unknown func: failed to find name `$nobody`", "b.wat:2:9"),
            ("\n\n  (func $a)", "duplicate func identifier", "b.wat:3:9"),
            ("(func $b (result i32)\n  (call $a)\n  (i64.const 1))", "type mismatch", "b.wat:1:2"),
            (
                "(func $b\n  (call $a)\n  (drop (i32.add\n    (i32.const 1) (i64.const 1))))",
                "type mismatch",
                "b.wat:3:10",
            ),
            ("(func $b)\n(global i32 (i32.const 1))\n(module (func))", "expected valid module field", "b.wat:3:2"),
            (
                "(data (i32.const 4) \"\")\n(data (i32.const 2) \"ab\\00\")",
                "lie at 2 to 4, where others are, from 0 to 2",
                "b.wat:2:2",
            ),
            ("\n(module (func $b))", "leave `(module` and its `)` out", "b.wat:2:2"),
            ("(component)", "other files, such as sdk/a.wat", "b.wat:1:2"),
        ];
        for (content, message, place) in cases {
            let files = [
                ("sdk/a.wat", "(func $a)\n(memory 1) (data (i32.const 0) \"abc\")\n"),
                ("b.wat", content),
                ("c.wat", "(func $last)"),
            ];
            let error = text(&files).encode().unwrap_err().to_string();
            assert!(error.starts_with("b.wat: ") && error.contains(message), "{content}\n{error}");
            assert!(error.contains(&format!("{place}\n")), "{content}\n{error}");
        }
        let files = [("sdk/a.wat", "(func (export \"a\"))"), ("b.wat", "(func (export \"a\"))")];
        let error = text(&files).encode().unwrap_err().to_string();
        assert!(error.contains("b.wat: duplicate export name `a`"), "{error}");
    }
}
