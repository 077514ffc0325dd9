//! Component types, read without recursion.
//!
//! The type of a component or an instance may declare further types, to any depth, and wasmparser
//! reads them by recursion: three bytes a level, so that a text section of some kilobytes ends the
//! process by its stack. Here a level is an entry of a vector, and what is no such type is left to
//! wasmparser.

use wasmparser::{BinaryReader, BinaryReaderError, ComponentType, ComponentTypeDeclaration, InstanceTypeDeclaration};

/// The first byte of a component's type, of an instance's, and of a type among declarations.
const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;
const TYPE: u8 = 0x01;

/// What is being read: types, or the declarations of one.
#[derive(Clone, Copy)]
enum Level {
    Section,
    Component,
    Instance,
}

/// How deeply the types in a section are nested, at most `most` and one; what lies deeper is not looked at.
///
/// # Errors
/// They do not parse, which the compiler finds at the same place.
pub(super) fn depth(section: &[u8], most: u64) -> Result<u64, BinaryReaderError> {
    let mut reader = BinaryReader::new(section, 0);
    let mut open = vec![(Level::Section, reader.read_var_u32()?)];
    let mut deepest = 0;
    while let Some((level, left)) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let level = *level;
        let is_type = match level {
            Level::Section => true,
            Level::Component | Level::Instance => peek(&reader)? == TYPE,
        };
        if is_type {
            if !matches!(level, Level::Section) {
                reader.read_u8()?;
            }
            let nested = match peek(&reader)? {
                COMPONENT => Level::Component,
                INSTANCE => Level::Instance,
                _ => {
                    reader.read::<ComponentType<'_>>()?;
                    continue;
                }
            };
            reader.read_u8()?;
            open.push((nested, reader.read_var_u32()?));
            deepest = deepest.max(open.len() as u64 - 1);
            if deepest > most {
                break;
            }
            continue;
        }
        match level {
            Level::Component => drop(reader.read::<ComponentTypeDeclaration<'_>>()?),
            Level::Section | Level::Instance => drop(reader.read::<InstanceTypeDeclaration<'_>>()?),
        }
    }
    Ok(deepest)
}

fn peek(reader: &BinaryReader<'_>) -> Result<u8, BinaryReaderError> {
    reader.clone().read_u8()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section with one type: so many instances' types inside one another.
    fn nested(levels: usize) -> Vec<u8> {
        let inner = [INSTANCE, 1, TYPE].repeat(levels - 1);
        [&[1][..], &inner, &[INSTANCE, 0]].concat()
    }

    #[test]
    fn each_type_inside_another_is_a_level() {
        assert_eq!(depth(&[1, 0x7f], 10).unwrap(), 0);
        assert_eq!(depth(&nested(1), 10).unwrap(), 1);
        assert_eq!(depth(&nested(7), 10).unwrap(), 7);
        let components = [1, COMPONENT, 2, TYPE, INSTANCE, 1, TYPE, INSTANCE, 0, TYPE, 0x7f];
        assert_eq!(depth(&components, 10).unwrap(), 3);
    }

    #[test]
    fn a_million_levels_take_no_stack() {
        assert_eq!(depth(&nested(1_000_000), 10).unwrap(), 11);
        assert_eq!(depth(&nested(1_000_000), u64::MAX).unwrap(), 1_000_000);
    }

    #[test]
    fn what_does_not_parse_is_an_error() {
        depth(&[1, INSTANCE, 1, 0x99], 10).unwrap_err();
        depth(&[2, INSTANCE, 0], 10).unwrap_err();
        depth(&[], 10).unwrap_err();
    }
}
