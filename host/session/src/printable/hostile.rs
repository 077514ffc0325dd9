//! For tests.

/// Characters that no reader should meet as they are, by what they do.
pub const HOSTILE: [(&str, &str); 12] = [
    ("line breaks", "\r\n\u{b}\u{c}\u{85}\u{2028}\u{2029}"),
    ("terminals, C0", "\0\u{7}\u{8}\t\u{1b}\u{7f}"),
    ("terminals, C1", "\u{80}\u{90}\u{9b}\u{9d}\u{9f}"),
    ("direction, embedded and overridden", "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}"),
    ("direction, isolated", "\u{2066}\u{2067}\u{2068}\u{2069}"),
    ("direction, marks", "\u{200e}\u{200f}\u{61c}"),
    ("no width", "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{34f}\u{180e}"),
    ("no width, old", "\u{2061}\u{2064}\u{206a}\u{206f}\u{fff9}\u{fffb}"),
    ("variation selectors", "\u{fe00}\u{fe0f}\u{e0100}\u{e01ef}"),
    ("tags", "\u{e0001}\u{e0041}\u{e007f}"),
    ("blank letters", "\u{115f}\u{3164}\u{ffa0}\u{2800}\u{a0}\u{3000}"),
    ("nobody's", "\u{e000}\u{f8ff}\u{ffff}\u{10ffff}"),
];
