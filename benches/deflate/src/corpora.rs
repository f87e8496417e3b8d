//! Messages to compress, generated from a fixed seed: the same on every machine.

use fastrand::Rng;

/// Messages of one kind.
pub struct Corpus {
    pub name: &'static str,
    pub what: &'static str,
    pub messages: Vec<Vec<u8>>,
}

/// The minimum length of a corpus.
const LEN: usize = 600_000;

pub fn all() -> Vec<Corpus> {
    let lines = fill(json_line(Rng::with_seed(1)));
    let groups = lines.chunks(12).map(<[_]>::concat).collect();
    vec![
        Corpus { name: "json", what: "a line of a JSON feed", messages: lines },
        Corpus { name: "json12", what: "twelve of these lines", messages: groups },
        Corpus {
            name: "events",
            what: "JSON events of six kinds",
            messages: fill(event(Rng::with_seed(2))),
        },
        Corpus {
            name: "chat",
            what: "lines of a chat, as JSON",
            messages: fill(chat(Rng::with_seed(3))),
        },
        Corpus { name: "html", what: "pages", messages: fill(page(Rng::with_seed(4))) },
        Corpus { name: "cjk", what: "Chinese text", messages: fill(cjk(Rng::with_seed(5))) },
    ]
}

impl Corpus {
    pub fn len(&self) -> usize {
        self.messages.iter().map(Vec::len).sum()
    }
}

fn fill(mut next: impl FnMut() -> String) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut len = 0;
    while len < LEN {
        let message = next().into_bytes();
        len += message.len();
        messages.push(message);
    }
    messages
}

fn json_line(mut random: Rng) -> impl FnMut() -> String {
    let mut id = 0;
    move || {
        let line = format!(
            "{{\"id\":{id},\"ts\":17000{:05},\"sensor\":\"temp-{}\",\"value\":{}.{:02},\"ok\":{}}}\n",
            id * 7,
            random.u32(..16),
            random.u32(..64),
            random.u32(..100),
            random.bool(),
        );
        id += 1;
        line
    }
}

fn event(mut random: Rng) -> impl FnMut() -> String {
    let mut seq: u64 = 8_812_000;
    let mut names = Words::new(random.fork(), LATIN, 2000, 1..=3);
    move || {
        seq += random.u64(1..4);
        let user = names.word();
        let uuid = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            random.u32(..),
            random.u16(..),
            random.u16(..4096),
            random.u16(..4096),
            random.u64(..1 << 48)
        );
        match random.u8(..6) {
            0 => format!(
                r#"{{"type":"presence","seq":{seq},"user":{{"name":"{user}","id":"{uuid}"}},"status":"{}"}}"#,
                ["online", "away", "offline"][random.usize(..3)]
            ),
            1 => format!(
                r#"{{"type":"typing","seq":{seq},"user":"{user}","channel":{}}}"#,
                random.u16(..40)
            ),
            2 => format!(
                r#"{{"type":"price","seq":{seq},"symbol":"{}","bid":{}.{:04},"ask":{}.{:04},"volume":{}}}"#,
                ["EURUSD", "BTCUSD", "AAPL", "GBPJPY", "ETHUSD"][random.usize(..5)],
                random.u16(..2000),
                random.u16(..9999),
                random.u16(..2000),
                random.u16(..9999),
                random.u32(..1_000_000)
            ),
            3 => format!(r#"{{"type":"ack","seq":{seq},"id":"{uuid}"}}"#),
            4 => {
                let items: Vec<_> = (0..random.usize(2..12)).map(|_| format!(
                    r#"{{"sku":"{}-{:04}","quantity":{},"price":{{"amount":{},"currency":"EUR"}}}}"#,
                    names.word().to_uppercase(), random.u16(..9999), random.u8(1..9), random.u32(..100_000))).collect();
                format!(
                    r#"{{"type":"order","seq":{seq},"id":"{uuid}","customer":"{user}","items":[{}]}}"#,
                    items.join(",")
                )
            }
            _ => format!(
                r#"{{"type":"error","seq":{seq},"code":{},"message":"{} {} is not available","retry":{}}}"#,
                400 + random.u16(..30),
                names.word(),
                names.word(),
                random.bool()
            ),
        }
    }
}

fn chat(mut random: Rng) -> impl FnMut() -> String {
    let mut text = Words::new(random.fork(), LATIN, 3000, 1..=4);
    let users: Vec<_> = (0..30).map(|_| text.word()).collect();
    let mut time = 1_700_000_000_u64;
    move || {
        time += random.u64(..60);
        let user = &users[random.usize(..users.len())];
        let line = text.sentence(&mut random, 2..25);
        format!(r#"{{"from":"{user}","at":{time},"text":"{line}"}}"#)
    }
}

fn page(mut random: Rng) -> impl FnMut() -> String {
    let mut text = Words::new(random.fork(), LATIN, 5000, 1..=4);
    move || {
        let title = text.sentence(&mut random, 3..8);
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <link rel=\"stylesheet\" href=\"/static/site.css\">\n</head>\n<body>\n<main id=\"content\">\n<h1>{title}</h1>\n"
        );
        for section in 0..random.usize(2..30) {
            let heading = text.sentence(&mut random, 2..6);
            page += &format!("<section class=\"part\" id=\"s{section}\">\n<h2>{heading}</h2>\n");
            for _ in 0..random.usize(1..5) {
                let words = text.sentence(&mut random, 20..120);
                page += &format!("<p class=\"text\">{words}</p>\n");
            }
            if random.bool() {
                page += "<ul class=\"links\">\n";
                for _ in 0..random.usize(2..9) {
                    let word = text.word();
                    page += &format!(
                        "<li><a href=\"/wiki/{word}?ref={}\">{word}</a></li>\n",
                        random.u16(..)
                    );
                }
                page += "</ul>\n";
            }
            page += "</section>\n";
        }
        page + "</main>\n<footer><p>All rights reserved.</p></footer>\n</body>\n</html>\n"
    }
}

fn cjk(mut random: Rng) -> impl FnMut() -> String {
    let mut text = Words::new(random.fork(), CJK, 3000, 1..=3);
    move || {
        let mut message = String::new();
        for _ in 0..random.usize(1..20) {
            for _ in 0..random.usize(3..15) {
                message += &text.word();
            }
            message.push(['。', '，', '，', '？'][random.usize(..4)]);
        }
        message
    }
}

const LATIN: &[&str] = &[
    "the", "an", "in", "er", "on", "re", "at", "en", "nd", "ti", "es", "or", "te", "of", "ed",
    "is", "it", "al", "ar", "st", "to", "nt", "ng", "se", "ha", "as", "ou", "io", "le", "ve", "co",
    "me", "de", "hi", "ri", "ro", "ic", "ne", "ea", "ra", "ce", "li", "ch", "ll", "be", "ma", "si",
    "om", "ur", "qu", "ghs", "wi", "pl", "tr", "by", "fo", "ju", "k", "x", "zy",
];

const CJK: &[&str] = &[
    "的", "一", "是", "不", "了", "在", "人", "有", "我", "他", "这", "个", "们", "中", "来", "上",
    "大", "为", "和", "国", "地", "到", "以", "说", "时", "要", "就", "出", "会", "可", "也", "你",
    "对", "生", "能", "而", "子", "那", "得", "于", "着", "下", "自", "之", "年", "过", "发", "后",
    "作", "里", "用", "道", "行", "所", "然", "家", "种", "事", "成", "方", "多", "经", "么", "去",
    "法", "学", "如", "都", "同", "现", "当", "没", "动", "面", "起", "看", "定", "天", "分", "还",
    "进", "好", "小", "部", "其", "些", "主", "样", "理", "心", "她", "本", "前", "开", "但", "因",
    "只", "从", "想", "实", "日", "军", "者", "意", "无", "力", "它", "与", "长", "把", "机", "十",
    "民", "第", "公", "此", "已", "工", "使", "情", "明", "性", "知", "全", "三", "又", "关", "点",
    "正", "业", "外", "将", "两", "高", "间", "由", "问", "很", "最", "重", "并", "物", "手", "应",
];

/// Words with frequencies as in natural language: that of the n-th word is proportional to about
/// 1/n.
struct Words {
    random: Rng,
    words: Vec<String>,
    /// Cumulative frequencies.
    sums: Vec<f64>,
}

impl Words {
    fn new(
        mut random: Rng,
        syllables: &[&str],
        count: usize,
        len: std::ops::RangeInclusive<usize>,
    ) -> Self {
        let mut sum = 0.0;
        let mut words = Vec::new();
        let mut sums = Vec::new();
        for rank in 0..count {
            let len = random.usize(len.clone());
            words.push((0..len).map(|_| syllables[random.usize(..syllables.len())]).collect());
            sum += 1.0 / (rank as f64 + 2.7);
            sums.push(sum);
        }
        Self { random, words, sums }
    }

    fn word(&mut self) -> String {
        let at = self.random.f64() * self.sums[self.sums.len() - 1];
        let index = self.sums.partition_point(|&sum| sum < at);
        self.words[index.min(self.words.len() - 1)].clone()
    }

    fn sentence(&mut self, random: &mut Rng, len: std::ops::Range<usize>) -> String {
        let mut words: Vec<_> = (0..random.usize(len)).map(|_| self.word()).collect();
        if let Some(first) = words.first_mut() {
            first[..1].make_ascii_uppercase();
        }
        words.join(" ") + "."
    }
}
