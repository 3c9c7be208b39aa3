//! Everything that an avatar can have, how often it is drawn, and how people
//! say it: the one place to change to get other drawings or other words.
//!
//! In a phrase, `{c}` stands for a colour's word and a blank, or for nothing.

/// How a phrase stands in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// "a **bearded** person"
    Adjective,
    /// "a person with **a brown beard**"
    With,
    /// "a person in **a grey hoodie**"
    Wearing,
    /// "a person who is **winking**"
    Doing,
    /// "a person on **a blue background**"
    Setting,
}
use Role::{Adjective as Adj, Doing, Setting, Wearing, With};

/// A variant of a component, named as in the style.
pub(super) struct Variant {
    pub name: &'static str,
    /// How often it is drawn, compared with its neighbours.
    pub weight: u32,
    pub phrases: &'static [(Role, &'static str)],
}

/// A named colour.
pub(super) struct Color {
    pub name: &'static str,
    pub weight: u32,
    /// `#rrggbb`
    #[cfg_attr(not(feature = "avatars"), expect(dead_code))] // only the painter asks
    pub hex: &'static str,
    pub words: &'static [&'static str],
}

/// A state of mind, which decides what mouth, eyes and brows are drawn.
pub(super) struct Mood {
    pub name: &'static str,
    pub weight: u32,
    pub phrases: &'static [(Role, &'static str)],
    pub mouth: &'static [(&'static str, u32)],
    pub eyes: &'static [(&'static str, u32)],
    pub eyebrows: &'static [(&'static str, u32)],
}

const fn variant(
    name: &'static str,
    weight: u32,
    phrases: &'static [(Role, &'static str)],
) -> Variant {
    Variant {
        name,
        weight,
        phrases,
    }
}

const fn color(
    name: &'static str,
    weight: u32,
    hex: &'static str,
    words: &'static [&'static str],
) -> Color {
    Color {
        name,
        weight,
        hex,
        words,
    }
}

/// The value of a label for a part that is not there.
pub(super) const NONE: &str = "none";
/// The hair of a head without any.
pub(super) const BALD: &str = "bald";
/// The clothes that show a graphic.
pub(super) const WITH_GRAPHIC: &str = "graphicShirt";
/// Not drawn together with a beard.
pub(super) const HIJAB: &str = "hijab";
/// Of 100 people this many wear a hat; so too for glasses and beards.
pub(super) const HATS: u32 = 22;
pub(super) const GLASSES_WORN: u32 = 38;
pub(super) const BEARDS: u32 = 34;

/// Said of any hair that has a colour.
pub(super) const ANY_HAIR: &[(Role, &str)] = &[(With, "{c}hair"), (Adj, "{c}haired")];

pub(super) const HAIR: &[Variant] = &[
    variant(BALD, 5, &[(Adj, "bald"), (With, "a bald head"), (With, "no hair")]),
    variant("sides", 3, &[(Adj, "balding"), (With, "{c}hair only at the sides")]),
    variant("shortFlat", 8, &[(With, "short {c}hair"), (Adj, "short-haired"), (With, "short straight {c}hair")]),
    variant("shortRound", 6, &[(With, "short {c}hair"), (Adj, "short-haired")]),
    variant("shortWaved", 7, &[(With, "short wavy {c}hair"), (With, "short {c}hair"), (Adj, "short-haired")]),
    variant("shortCurly", 8, &[(With, "short curly {c}hair"), (With, "curly {c}hair"), (With, "{c}curls"), (Adj, "curly-haired")]),
    variant("theCaesar", 5, &[(With, "very short {c}hair"), (With, "cropped {c}hair"), (With, "short {c}hair")]),
    variant("theCaesarAndSidePart", 5, &[(With, "very short {c}hair"), (With, "cropped {c}hair"), (With, "short {c}hair")]),
    variant("frizzle", 4, &[(With, "a {c}quiff"), (With, "{c}hair shaved at the sides"), (With, "short {c}hair")]),
    variant("shaggy", 4, &[(With, "shaggy {c}hair"), (With, "messy {c}hair"), (With, "short {c}hair")]),
    variant("shaggyMullet", 4, &[(With, "a {c}mullet"), (With, "shaggy {c}hair"), (With, "messy {c}hair")]),
    variant("dreads01", 3, &[(With, "short {c}dreadlocks"), (With, "{c}dreadlocks"), (With, "{c}dreads")]),
    variant("dreads02", 3, &[(With, "short {c}dreadlocks"), (With, "{c}dreadlocks"), (With, "{c}dreads")]),
    variant("dreads", 4, &[(With, "long {c}dreadlocks"), (With, "{c}dreadlocks"), (With, "{c}dreads")]),
    variant("fro", 5, &[(With, "a {c}afro"), (With, "a big {c}afro")]),
    variant("froBand", 3, &[(With, "a {c}afro"), (With, "a {c}afro and a headband")]),
    variant("bun", 6, &[(With, "a {c}bun"), (With, "{c}hair in a bun"), (With, "{c}hair tied up in a bun")]),
    variant("bob", 7, &[(With, "a {c}bob"), (With, "{c}hair cut in a bob")]),
    variant("miaWallace", 5, &[(With, "a {c}bob with a fringe"), (With, "a {c}bob"), (With, "{c}hair with a fringe")]),
    variant("frida", 4, &[(With, "{c}hair with flowers"), (With, "flowers in the {c}hair"), (With, "{c}hair tied up with flowers")]),
    variant("longButNotTooLong", 6, &[(With, "shoulder-length {c}hair"), (With, "straight {c}hair"), (With, "a {c}bob")]),
    variant("straight01", 8, &[(With, "long {c}hair"), (With, "long straight {c}hair"), (Adj, "long-haired")]),
    variant("straight02", 8, &[(With, "long {c}hair"), (With, "long straight {c}hair"), (Adj, "long-haired")]),
    variant("straightAndStrand", 5, &[(With, "long {c}hair"), (With, "long straight {c}hair"), (Adj, "long-haired")]),
    variant("bigHair", 7, &[(With, "big {c}hair"), (With, "long {c}hair"), (With, "long wavy {c}hair"), (Adj, "long-haired")]),
    variant("curly", 7, &[(With, "big curly {c}hair"), (With, "curly {c}hair"), (Adj, "curly-haired"), (With, "{c}curls")]),
    variant("curvy", 7, &[(With, "long wavy {c}hair"), (With, "wavy {c}hair"), (With, "long {c}hair"), (Adj, "long-haired")]),
    variant("shavedSides", 4, &[(With, "long {c}hair shaved at the sides"), (With, "{c}hair shaved at the sides"), (With, "long {c}hair")]),
];

pub(super) const HAT: &[Variant] = &[
    variant("hat", 6, &[(Wearing, "a {c}hat"), (Wearing, "a {c}hat with a brim"), (Wearing, "a wide {c}hat"), (Wearing, "a big {c}hat")]),
    variant("winterHat1", 4, &[(Wearing, "a {c}winter hat"), (Wearing, "a {c}woolly hat"), (Wearing, "a {c}hat with ear flaps")]),
    variant("winterHat02", 4, &[(Wearing, "a {c}winter hat"), (Wearing, "a {c}woolly hat"), (Wearing, "a {c}hat with ear flaps"), (Wearing, "a patterned {c}hat")]),
    variant("winterHat03", 5, &[(Wearing, "a {c}winter hat"), (Wearing, "a {c}woolly hat"), (Wearing, "a {c}beanie"), (Wearing, "a {c}cap")]),
    variant("winterHat04", 4, &[(Wearing, "a {c}winter hat"), (Wearing, "a {c}hat with cat ears"), (Wearing, "a {c}hat with ears")]),
    variant("turban", 4, &[(Wearing, "a {c}turban")]),
    variant(HIJAB, 4, &[(Wearing, "a {c}hijab"), (Wearing, "a {c}headscarf")]),
];

pub(super) const GLASSES: &[Variant] = &[
    variant("round", 8, &[(With, "round {c}glasses"), (Wearing, "round {c}glasses"), (With, "{c}glasses"), (Wearing, "{c}glasses"), (With, "{c}spectacles")]),
    variant("prescription01", 5, &[(With, "{c}glasses"), (Wearing, "{c}glasses"), (With, "square {c}glasses"), (With, "{c}spectacles")]),
    variant("prescription02", 7, &[(With, "{c}glasses"), (Wearing, "{c}glasses"), (With, "square {c}glasses"), (With, "thick {c}glasses"), (With, "{c}spectacles")]),
    variant("kurt", 4, &[(With, "big {c}sunglasses"), (Wearing, "{c}sunglasses"), (Wearing, "big {c}sunglasses")]),
    variant("sunglasses", 6, &[(With, "{c}sunglasses"), (Wearing, "{c}sunglasses"), (With, "{c}shades")]),
    variant("wayfarers", 6, &[(With, "{c}sunglasses"), (Wearing, "{c}sunglasses"), (With, "{c}shades")]),
    variant("eyepatch", 3, &[(With, "a {c}eyepatch"), (Wearing, "a {c}eyepatch"), (Wearing, "an eyepatch")]),
];

pub(super) const BEARD: &[Variant] = &[
    variant("beardLight", 6, &[(Adj, "bearded"), (With, "a {c}beard"), (With, "a short {c}beard")]),
    variant("beardMedium", 8, &[(Adj, "bearded"), (With, "a {c}beard"), (With, "a full {c}beard")]),
    variant("beardMajestic", 6, &[(Adj, "bearded"), (With, "a {c}beard"), (With, "a long {c}beard"), (With, "a big {c}beard")]),
    variant("moustacheFancy", 4, &[(With, "a {c}moustache"), (With, "a curled {c}moustache"), (With, "a {c}mustache")]),
    variant("moustacheMagnum", 5, &[(With, "a {c}moustache"), (With, "a thick {c}moustache"), (With, "a {c}mustache")]),
];

/// Said of any clothes.
pub(super) const ANY_CLOTHES: &[(Role, &str)] = &[(Wearing, "{c}clothes"), (Doing, "dressed in {c}")];

pub(super) const CLOTHES: &[Variant] = &[
    variant("blazerAndShirt", 5, &[(Wearing, "a {c}blazer"), (Wearing, "a {c}jacket"), (Wearing, "a {c}suit")]),
    variant("blazerAndSweater", 5, &[(Wearing, "a {c}blazer"), (Wearing, "a {c}jacket"), (Wearing, "a {c}suit")]),
    variant("collarAndSweater", 6, &[(Wearing, "a {c}sweater"), (Wearing, "a {c}jumper"), (Wearing, "a {c}sweater with a collar")]),
    variant("hoodie", 9, &[(Wearing, "a {c}hoodie"), (Wearing, "a {c}hooded sweater")]),
    variant("overall", 6, &[(Wearing, "{c}overalls"), (Wearing, "{c}dungarees")]),
    variant("shirtCrewNeck", 7, &[(Wearing, "a {c}shirt"), (Wearing, "a {c}t-shirt")]),
    variant("shirtScoopNeck", 6, &[(Wearing, "a {c}top"), (Wearing, "a {c}shirt"), (Wearing, "a {c}shirt with a scoop neck")]),
    variant("shirtVNeck", 6, &[(Wearing, "a {c}shirt"), (Wearing, "a {c}v-neck shirt"), (Wearing, "a {c}t-shirt")]),
    variant(WITH_GRAPHIC, 2, &[(Wearing, "a {c}t-shirt"), (Wearing, "a {c}shirt")]),
];

pub(super) const GRAPHIC: &[Variant] = &[
    variant("bat", 1, &[]),
    variant("bear", 1, &[]),
    variant("cumbia", 1, &[]),
    variant("deer", 1, &[]),
    variant("diamond", 1, &[]),
    variant("hola", 1, &[]),
    variant("pizza", 1, &[]),
    variant("resist", 1, &[]),
    variant("skull", 1, &[]),
    variant("skullOutline", 1, &[]),
];

/// Mouth, eyes and brows are drawn by mood, so their own weight is 0.
pub(super) const MOUTH: &[Variant] = &[
    variant("smile", 0, &[(Adj, "smiling"), (Doing, "smiling"), (With, "a smile"), (With, "a big smile"), (Doing, "grinning")]),
    variant("twinkle", 0, &[(With, "a slight smile"), (Doing, "smiling a little")]),
    variant("default", 0, &[(With, "an open mouth")]),
    variant("serious", 0, &[(With, "a straight mouth"), (Adj, "serious"), (Doing, "serious")]),
    variant("sad", 0, &[(Doing, "frowning"), (Adj, "frowning")]),
    variant("concerned", 0, &[(With, "a worried mouth"), (With, "an open mouth")]),
    variant("disbelief", 0, &[(With, "an open mouth")]),
    variant("grimace", 0, &[(Doing, "grimacing"), (Doing, "baring the teeth"), (With, "clenched teeth")]),
    variant("screamOpen", 0, &[(Doing, "screaming"), (Doing, "shouting"), (Adj, "screaming")]),
    variant("eating", 0, &[(Doing, "eating"), (With, "full cheeks"), (With, "rosy cheeks")]),
    variant("tongue", 0, &[(Doing, "sticking out the tongue"), (With, "the tongue out")]),
    variant("vomit", 0, &[(Doing, "being sick"), (Doing, "vomiting")]),
];

pub(super) const EYES: &[Variant] = &[
    variant("default", 0, &[]),
    variant("happy", 0, &[(With, "happy eyes"), (With, "smiling eyes")]),
    variant("wink", 0, &[(Doing, "winking"), (Adj, "winking")]),
    variant("winkWacky", 0, &[(Doing, "winking"), (Adj, "winking")]),
    variant("closed", 0, &[(With, "closed eyes"), (With, "the eyes closed")]),
    variant("squint", 0, &[(Doing, "squinting"), (With, "narrow eyes")]),
    variant("side", 0, &[(Doing, "looking to the side"), (Doing, "looking sideways")]),
    variant("surprised", 0, &[(With, "wide eyes"), (With, "wide open eyes")]),
    variant("cry", 0, &[(Doing, "crying"), (Adj, "crying"), (With, "a tear")]),
    variant("hearts", 0, &[(With, "heart eyes"), (With, "hearts for eyes"), (Doing, "in love")]),
    variant("eyeRoll", 0, &[(Doing, "rolling the eyes")]),
    variant("xDizzy", 0, &[(Adj, "dizzy"), (With, "crossed-out eyes")]),
];

pub(super) const EYEBROWS: &[Variant] = &[
    variant("default", 0, &[]),
    variant("defaultNatural", 0, &[]),
    variant("flatNatural", 0, &[(With, "flat eyebrows")]),
    variant("raisedExcited", 0, &[(With, "raised eyebrows"), (With, "raised brows")]),
    variant("raisedExcitedNatural", 0, &[(With, "raised eyebrows"), (With, "raised brows")]),
    variant("angry", 0, &[(With, "angry eyebrows"), (With, "lowered brows")]),
    variant("angryNatural", 0, &[(With, "angry eyebrows"), (With, "lowered brows")]),
    variant("frownNatural", 0, &[(With, "knitted brows")]),
    variant("sadConcerned", 0, &[(With, "sad eyebrows"), (With, "worried brows")]),
    variant("sadConcernedNatural", 0, &[(With, "sad eyebrows"), (With, "worried brows")]),
    variant("unibrowNatural", 0, &[(With, "a unibrow"), (With, "eyebrows that meet")]),
    variant("upDown", 0, &[(With, "one raised eyebrow"), (With, "a raised eyebrow")]),
    variant("upDownNatural", 0, &[(With, "one raised eyebrow"), (With, "a raised eyebrow")]),
];

pub(super) const MOOD: &[Mood] = &[
    Mood {
        name: "happy",
        weight: 34,
        phrases: &[(Adj, "happy"), (Adj, "cheerful"), (Adj, "joyful"), (Doing, "happy")],
        mouth: &[("smile", 8), ("twinkle", 3)],
        eyes: &[("default", 6), ("happy", 6), ("wink", 2), ("winkWacky", 1), ("closed", 2), ("side", 1), ("hearts", 2)],
        eyebrows: &[("default", 4), ("defaultNatural", 4), ("raisedExcited", 2), ("raisedExcitedNatural", 2), ("upDown", 1), ("upDownNatural", 1)],
    },
    Mood {
        name: "calm",
        weight: 24,
        phrases: &[(Adj, "calm"), (Adj, "quiet"), (Doing, "calm"), (With, "a neutral face")],
        mouth: &[("serious", 6), ("twinkle", 2), ("default", 2)],
        eyes: &[("default", 8), ("closed", 2), ("side", 2), ("squint", 2)],
        eyebrows: &[("default", 3), ("defaultNatural", 4), ("flatNatural", 3), ("unibrowNatural", 1)],
    },
    Mood {
        name: "sad",
        weight: 16,
        phrases: &[(Adj, "sad"), (Adj, "unhappy"), (Doing, "sad"), (With, "a sad face")],
        mouth: &[("sad", 6), ("concerned", 4)],
        eyes: &[("default", 5), ("cry", 4), ("closed", 2), ("side", 1)],
        eyebrows: &[("sadConcerned", 5), ("sadConcernedNatural", 5)],
    },
    Mood {
        name: "angry",
        weight: 12,
        phrases: &[(Adj, "angry"), (Adj, "cross"), (Doing, "angry"), (With, "an angry face")],
        mouth: &[("serious", 2), ("sad", 2), ("grimace", 4), ("screamOpen", 3)],
        eyes: &[("default", 6), ("squint", 4), ("eyeRoll", 1)],
        eyebrows: &[("angry", 5), ("angryNatural", 5), ("frownNatural", 2)],
    },
    Mood {
        name: "surprised",
        weight: 10,
        phrases: &[(Adj, "surprised"), (Adj, "astonished"), (Doing, "surprised"), (With, "a surprised face")],
        mouth: &[("disbelief", 4), ("screamOpen", 2), ("concerned", 2)],
        eyes: &[("surprised", 6), ("default", 1)],
        eyebrows: &[("raisedExcited", 5), ("raisedExcitedNatural", 5), ("upDown", 1)],
    },
    Mood {
        name: "silly",
        weight: 8,
        phrases: &[(Adj, "silly"), (Adj, "goofy"), (Doing, "silly")],
        mouth: &[("tongue", 6), ("eating", 3), ("vomit", 1)],
        eyes: &[("default", 3), ("wink", 2), ("winkWacky", 2), ("xDizzy", 2), ("eyeRoll", 1), ("squint", 1)],
        eyebrows: &[("default", 3), ("defaultNatural", 3), ("upDown", 2), ("upDownNatural", 2), ("raisedExcited", 2)],
    },
];

pub(super) const HAIR_COLOR: &[Color] = &[
    color("black", 18, "#262322", &["black", "dark"]),
    color("brown", 18, "#7a4a2c", &["brown"]),
    color("blonde", 16, "#e3c26f", &["blonde", "blond", "fair"]),
    color("red", 14, "#c93305", &["red", "ginger"]),
    color("grey", 9, "#8f9296", &["grey", "gray"]),
    color("white", 7, "#f0eee9", &["white"]),
    color("pink", 9, "#f27fb2", &["pink"]),
    color("blue", 8, "#3f7fe0", &["blue"]),
    color("purple", 6, "#8e4fc4", &["purple"]),
];

pub(super) const SKIN: &[Color] = &[
    color("pale", 5, "#ffdbb4", &["pale", "fair", "very light"]),
    color("light", 6, "#edb98a", &["light"]),
    color("tan", 5, "#d08b5b", &["tan", "tanned"]),
    color("brown", 5, "#ae5d29", &["brown"]),
    color("dark", 5, "#614335", &["dark"]),
];

/// Said of a skin.
pub(super) const SKIN_PHRASES: &[(Role, &str)] = &[(With, "{c}skin"), (Adj, "{c}skinned")];

const PLAIN: [Color; 10] = [
    color("black", 11, "#262e33", &["black"]),
    color("grey", 10, "#8c9299", &["grey", "gray"]),
    color("white", 10, "#fafafa", &["white"]),
    color("red", 12, "#e8413c", &["red"]),
    color("orange", 8, "#f58b2e", &["orange"]),
    color("yellow", 9, "#f7d93e", &["yellow"]),
    color("green", 11, "#3fa653", &["green"]),
    color("blue", 12, "#3778d6", &["blue"]),
    color("purple", 8, "#8447c0", &["purple", "violet"]),
    color("pink", 9, "#ff6fb0", &["pink"]),
];
pub(super) const CLOTHES_COLOR: &[Color] = &PLAIN;
pub(super) const HAT_COLOR: &[Color] = &PLAIN;

pub(super) const GLASSES_COLOR: &[Color] = &[
    color("black", 12, "#262e33", &["black", "dark"]),
    color("red", 4, "#e8413c", &["red"]),
    color("blue", 4, "#3778d6", &["blue"]),
    color("white", 3, "#fafafa", &["white"]),
];

pub(super) const BACKGROUND: &[Color] = &[
    color("white", 8, "#ffffff", &["white", "plain white"]),
    color("grey", 6, "#c9ced6", &["grey", "gray", "light grey"]),
    color("blue", 7, "#a9d3f5", &["blue", "light blue"]),
    color("green", 6, "#b5e3bd", &["green", "light green"]),
    color("yellow", 6, "#fbeeb0", &["yellow", "light yellow"]),
    color("pink", 6, "#f9cfdd", &["pink", "light pink"]),
    color("purple", 5, "#d6c8f0", &["purple", "light purple"]),
    color("black", 4, "#20262c", &["black", "dark"]),
];

/// Said of a background.
pub(super) const BACKGROUND_PHRASES: &[(Role, &str)] = &[(Setting, "a {c}background")];
