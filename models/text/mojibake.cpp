#include "models/text/mojibake.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "base/unicode.h"
#include "models/text/code_points.h"

namespace framemill::models {
namespace {

constexpr int kDecodeRoundsMax = 8;  // text that was damaged more often stays as it is then
constexpr char kLostByte = 0x1A;     // stands for a byte that became U+FFFD
constexpr char kSpaceByte = 0x20, kNoBreakSpaceByte = static_cast<char>(0xA0);

// Characters of bytes 0x80 to 0x9F; the five unassigned ones as in Latin-1.
constexpr std::array<char32_t, 32> kWindows1252Upper{0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                     0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                                     0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                     0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

enum class Encoding { Latin1, Windows1252 };

std::optional<char> byte_of_character(char32_t c, Encoding encoding) {
  if (encoding == Encoding::Latin1) {
    if (c > 0xFF) return std::nullopt;
    return static_cast<char>(c);
  }
  if (c == 0xFFFD) return kLostByte;
  if (c == 0x1A) return std::nullopt;
  const auto upper = std::find(kWindows1252Upper.begin(), kWindows1252Upper.end(), c);
  if (upper != kWindows1252Upper.end()) return static_cast<char>(0x80 + (upper - kWindows1252Upper.begin()));
  if (c < 0x80 || (c >= 0xA0 && c <= 0xFF)) return static_cast<char>(c);
  return std::nullopt;
}

std::optional<std::string> bytes_of(std::u32string_view text, Encoding encoding) {
  std::string bytes;
  for (const char32_t c : text) {
    const auto byte = byte_of_character(c, encoding);
    if (!byte) return std::nullopt;
    bytes += *byte;
  }
  return bytes;
}

// What a character is to the eye, for telling which neighbours nobody writes.
enum Class : unsigned {
  kOther = 0,
  kCommon = 1,
  kC1 = 2,
  kBad = 4,
  kLaw = 8,
  kCurrency = 16,
  kOpening = 32,
  kClosing = 64,
  kNumeric = 128,
  kUpper = 256,
  kLower = 512,
};

unsigned class_of_character(char32_t c) {
  const auto among = [c](std::u32string_view list) { return list.find(c) != std::u32string_view::npos; };
  if (c < 0x80) return kOther;
  if (c <= 0x9F) return kC1;
  if (among(U"\u00A0\u00AD·´–—…’")) return kCommon;
  if (among(U"¦¤¨¬¯¸ƒˆ˜†‡‰\uFFFDªº")) return kBad;
  if (among(U"¶§")) return kLaw;
  if (among(U"¢£¥€")) return kCurrency;
  if (among(U"¡«¿©‘‚“„•‹")) return kOpening;
  if (among(U"®»”›™")) return kClosing;
  if (among(U"²³¹±¼½¾×µ÷")) return kNumeric;
  if ((c >= 0xC0 && c <= 0xD1) || among(U"ØÜÝŒŠŸŽ")) return kUpper;
  if ((c >= 0xDF && c <= 0xF1) || among(U"üœšž")) return kLower;
  return kOther;
}

bool is_small_letter(char32_t c) {
  return c >= 'a' && c <= 'z';
}
bool is_plain_letter(char32_t c) {
  return is_small_letter(c) || (c >= 'A' && c <= 'Z');
}
bool one_of(char32_t c, std::u32string_view list) {
  return c != 0 && list.find(c) != std::u32string_view::npos;
}

// Two classes in a row that are a mark of mojibake.
bool odd_pair(unsigned a, unsigned b) {
  constexpr unsigned kMarks = kLower | kUpper | kOpening | kClosing | kCurrency | kNumeric | kLaw;
  return ((a & (kBad | kMarks)) && (b & kBad)) || ((a & kBad) && (b & kMarks)) ||
         ((a & (kLower | kClosing | kCurrency | kNumeric)) && (b & kUpper)) ||
         ((a & (kClosing | kCurrency | kNumeric)) && (b & kLower)) || ((a & (kLower | kClosing)) && (b & kCurrency)) ||
         ((a & kUpper) && (b & (kNumeric | kLaw))) || ((a & (kCurrency | kNumeric)) && (b & kOpening));
}

bool odd_triple(unsigned a, unsigned b, unsigned c) {
  return ((a & (kLower | kUpper | kCurrency | kClosing)) && (b & kOpening) && (c & kNumeric)) ||
         ((a & (kLower | kUpper | kCurrency | kNumeric | kLaw)) && (b & kClosing) && (c & kOpening));
}

// Up to four characters from a place of a line, 0 beyond its end.
struct View {
  std::array<char32_t, 4> c{};
  std::array<unsigned, 4> kind{};
  bool first = false;
};

// What letters of one language, or common symbols, become.
bool known_mark(const View& v) {
  const auto& [a, b, c, d] = v.c;
  const unsigned kb = v.kind[1];
  constexpr unsigned kAround = kOpening | kClosing;
  if (one_of(a, U"Œœ") && b != 0 && !is_plain_letter(b)) return true;
  if ((v.kind[0] & kUpper) && b == U'°') return true;
  if (one_of(a, U"ÂÃÎÐ") && ((kb & kAround) || one_of(b, U"€œŠš¢£Ÿž\u00A0\u00AD®©°·»–—´"))) return true;
  if (a == U'×' && one_of(b, U"²³")) return true;
  if (a == U'à' && one_of(b, U"²µ¹¼½¾")) return true;
  if (a == U'Ã' && one_of(b, U"\u00A0¡")) return true;
  // Arabic, whose second bytes are common characters: two letters have to be there.
  constexpr unsigned kSecond = kCommon | kCurrency | kBad | kNumeric | kOpening;
  const auto arabic = [](char32_t lead, char32_t second, unsigned kind) {
    return one_of(lead, U"ØÙ") && ((kind & kSecond) || one_of(second, U"ŸŠ®°µ»"));
  };
  return arabic(a, b, kb) && arabic(c, d, v.kind[3]);
}

// "Ã" and "Â" before a blank: the second byte was a no-break space.
bool mark_before_blank(const View& v) {
  const auto& [a, b, c, d] = v.c;
  constexpr std::u32string_view kLeads = U"ÃÂ";
  if (v.first && one_of(a, kLeads) && b == U' ') return true;
  if (is_small_letter(a) && one_of(b, kLeads) && c == U' ') return true;
  if (is_small_letter(a) && b != 0 && base::is_white_space(b) && one_of(c, kLeads) && d == U' ') return true;
  return (is_small_letter(a) || one_of(a, U".,?!") || (v.kind[0] & kClosing)) && b == U'Â' &&
         (c == U' ' || (v.kind[2] & (kOpening | kClosing)));
}

bool mark_at(const View& v) {
  const auto& k = v.kind;
  if ((k[0] & kC1) || odd_pair(k[0], k[1]) || odd_triple(k[0], k[1], k[2])) return true;
  if (v.c[0] != 0 && base::is_white_space(v.c[0]) && (k[1] & kUpper) && (k[2] & kCurrency)) return true;
  if (is_small_letter(v.c[0]) && (k[1] & kUpper) && (k[2] & (kOpening | kCurrency))) return true;
  const char32_t after = v.c[2];
  const bool in_word = after == U'_' || (after != 0 && base::class_of(after) == base::CharacterClass::Word);
  if ((k[0] & (kLower | kUpper)) && (k[1] & (kOpening | kClosing)) && in_word) return true;
  return known_mark(v) || mark_before_blank(v);
}

bool has_marks(std::u32string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    View view;
    view.first = i == 0;
    for (std::size_t n = 0; n < view.c.size() && i + n < text.size(); ++n) {
      view.c[n] = text[i + n];
      view.kind[n] = class_of_character(text[i + n]);
    }
    if (mark_at(view)) return true;
  }
  return false;
}

// Bytes of the UTF-8 sequence that a byte begins; 1: it does not begin one.
std::size_t sequence_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xC2 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 1;
}
bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// A no-break space that became a space in the middle of a sequence comes back, where that gives a likely character.
bool likely_with_space(std::string_view sequence) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  const auto spaces = std::count(sequence.begin() + 1, sequence.end(), kSpaceByte);
  if (spaces != 1) return false;
  for (std::size_t i = 1; i < sequence.size(); ++i)
    if (sequence[i] != kSpaceByte &&
        (!continues(sequence[i]) || (sequence.size() == 3 && (at(i) == 0x85 || at(i) == 0xA0))))
      return false;
  switch (sequence.size()) {
    case 2:
      return std::string_view("\xC2\xC3\xC5\xCE\xD0\xD9").find(sequence[0]) != std::string_view::npos;
    case 3:
      return at(1) == kSpaceByte ? at(0) == 0xE2 || at(0) == 0xE3 : at(0) <= 0xE3;
    default:
      return at(0) == 0xF0;
  }
}

std::string with_no_break_spaces(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    // " Ã " is the French word "à" with the space after it lost; not so the Portuguese "às", "àquele".
    const std::string_view rest = bytes.substr(i);
    if (rest.starts_with("\xC3 ") && rest.substr(2, 1) != " " && !rest.substr(2).starts_with("quele") &&
        !rest.substr(2).starts_with("quela") && !rest.substr(2).starts_with("quilo") &&
        !rest.substr(2).starts_with("s ")) {
      out += "\xC3\xA0 ";
      i += 2;
      continue;
    }
    std::string_view sequence = rest.substr(0, sequence_bytes(rest[0]));
    if (sequence.size() > 1 && sequence.size() == sequence_bytes(rest[0]) && likely_with_space(sequence)) {
      for (const char c : sequence) out += c == kSpaceByte ? kNoBreakSpaceByte : c;
    } else {
      sequence = rest.substr(0, 1);
      out += sequence;
    }
    i += sequence.size();
  }
  return out;
}

// A sequence that has lost bytes ("â€\uFFFD", or "?" for its last one) is one U+FFFD.
std::string with_lost_sequences(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = sequence_bytes(bytes[i]);
    const std::string_view sequence = bytes.substr(i, length);
    int lost = 0;
    bool fits = sequence.size() == length && length > 1;
    for (std::size_t n = 1; n < sequence.size() && fits; ++n) {
      const bool question = sequence[n] == '?' && (length > 2 || static_cast<unsigned char>(sequence[0]) <= 0xC3);
      lost += sequence[n] == kLostByte || question ? 1 : 0;
      fits = continues(sequence[n]) || sequence[n] == kLostByte || (question && lost == 1);
    }
    if ((fits && lost > 0) || bytes[i] == kLostByte) {
      out += "\xEF\xBF\xBD";
      i += bytes[i] == kLostByte ? 1 : length;
    } else {
      out += bytes[i++];
    }
  }
  return out;
}

// The whole text through one encoding, if every byte of it is part of UTF-8 then.
std::optional<std::u32string> decoded_whole(std::u32string_view text, Encoding encoding) {
  auto bytes = bytes_of(text, encoding);
  if (!bytes) return std::nullopt;
  std::string whole = with_no_break_spaces(*bytes);
  if (encoding == Encoding::Windows1252) whole = with_lost_sequences(whole);
  if (!base::is_utf8(whole)) return std::nullopt;
  return code_points_of(whole);
}

// Characters of a sequence that the text has at `at`; 0: none.
std::size_t sequence_at(std::u32string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> std::optional<char> {
    if (text[i] == U' ') return kSpaceByte;  // may have been a no-break space
    return byte_of_character(text[i], text[i] >= 0x80 && text[i] <= 0x9F ? Encoding::Latin1 : Encoding::Windows1252);
  };
  const auto lead = byte(at);
  // Of the bytes that begin four, the others begin nothing that is assigned.
  const std::size_t length = !lead ? 1 : sequence_bytes(*lead);
  if (length == 1 || at + length > text.size() || (length == 4 && text[at] != 0xF0)) return 0;
  std::string sequence(1, *lead);
  for (std::size_t n = 1; n < length; ++n) {
    const auto next = byte(at + n);
    if (!next || (*next != kSpaceByte && !continues(*next))) return 0;
    sequence += *next;
  }
  if (sequence.find(kSpaceByte) != std::string::npos && !likely_with_space(sequence)) return 0;
  return length;
}

// Sequences inside a text that is otherwise right. None begins right after what looks like the end of another one.
std::u32string decoded_parts(std::u32string_view text) {
  constexpr std::u32string_view kMayEndWords = U"–—‘’‚“”„•…";
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto before = at == 0 ? std::nullopt : byte_of_character(text[at - 1], Encoding::Windows1252);
    const bool after_sequence = at > 0 &&
                                ((text[at - 1] >= 0x80 && text[at - 1] <= 0x9F) || (before && continues(*before))) &&
                                !one_of(text[at - 1], kMayEndWords);
    std::size_t end = at;
    while (!after_sequence && end < text.size()) {
      const std::size_t length = sequence_at(text, end);
      if (length == 0) break;
      end += length;
    }
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::u32string_view part = text.substr(at, end - at);
    out += part.size() < text.size() && has_marks(part) ? mend_encoding(part) : std::u32string(part);
    at = end;
  }
  return out;
}

std::u32string mend_once(std::u32string_view text) {
  if (!has_marks(text)) return std::u32string(text);
  for (const Encoding encoding : {Encoding::Latin1, Encoding::Windows1252})
    if (auto decoded = decoded_whole(text, encoding)) return std::move(*decoded);
  std::u32string parts = decoded_parts(text);
  if (parts != text) return parts;
  return mend_c1_controls(text);
}

}  // namespace

std::u32string mend_encoding(std::u32string_view line) {
  std::u32string text(line);
  for (int round = 0; round < kDecodeRoundsMax; ++round) {
    std::u32string mended = mend_once(text);
    if (mended == text) break;
    text = std::move(mended);
  }
  return text;
}

std::u32string mend_c1_controls(std::u32string_view line) {
  std::u32string out(line);
  for (char32_t& c : out)
    if (c >= 0x80 && c <= 0x9F) c = kWindows1252Upper[c - 0x80];
  return out;
}

}  // namespace framemill::models
