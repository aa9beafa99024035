// The tokeniser against the sentencepiece and tokenizers libraries, as tools/reference/tokens.py recorded them.
#include "models/text/tokenizer.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "base/file.h"
#include "base/text.h"

namespace framemill::models {
namespace {

const std::filesystem::path kReference = FRAMEMILL_SOURCE_DIR "/tests/models_text/reference";

struct RecordedText {
  std::string model, text;
  std::vector<int> ids;
};

std::vector<RecordedText> recorded_texts() {
  std::ifstream file(kReference / "tokens.txt");
  std::vector<RecordedText> texts;
  for (std::string line; std::getline(file, line);) {
    std::istringstream parts(line);
    std::string ids, text;
    RecordedText& recorded = texts.emplace_back();
    std::getline(parts, recorded.model, '\t');
    std::getline(parts, ids, '\t');
    std::getline(parts, text);
    recorded.text = boost::json::parse(text).as_string();
    std::istringstream numbers(ids);
    for (int id = 0; numbers >> id;) recorded.ids.push_back(id);
  }
  return texts;
}

// The vocabularies of T5 and umT5 are not part of the repository.
std::filesystem::path directory_of(const std::string& model) {
  if (model != "t5.json" && model != "umt5.json") return kReference;
  const char* directory = std::getenv("FRAMEMILL_VOCABULARIES");
  return directory == nullptr ? "" : directory;
}

std::shared_ptr<const Tokenizer> opened(const std::string& model) {
  return Tokenizer::open(directory_of(model) / model).value();
}

std::string joined(const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += std::to_string(id) + " ";
  return text;
}

void check_recorded(const std::string& model) {
  const auto tokenizer = opened(model);
  int checked = 0;
  for (const RecordedText& recorded : recorded_texts()) {
    if (recorded.model != model) continue;
    INFO(model << ": " << recorded.text);
    CHECK(joined(tokenizer->encode(recorded.text)) == joined(recorded.ids));
    ++checked;
  }
  CHECK(checked >= 50);
}

std::string file_of(const std::string& model) {
  return base::read_file(kReference / model, kTokenizerBytesMax).value();
}

std::string replaced_once(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string refusal_of(std::string_view file, TokenizerFormat format) {
  const auto made = Tokenizer::parse(file, format);
  if (made.ok()) return "accepted";
  CHECK(made.error().code == "model.tokenizer");
  return made.error().message;
}

std::string json_refusal(std::string_view from, std::string_view to) {
  return refusal_of(replaced_once(file_of("small.json"), from, to), TokenizerFormat::TokenizerJson);
}

// A protobuf field of a number and bytes.
std::string field(int number, std::string_view bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  std::size_t size = bytes.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  return out + static_cast<char>(size) + std::string(bytes);
}
std::string piece_of(std::string_view text, char type) {
  return field(1, field(1, text) + std::string("\x15\0\0\0\xC0", 5) + std::string("\x18") + type);
}
const std::string kSpecials = piece_of("<unk>", 2) + piece_of("</s>", 3);

}  // namespace

TEST_CASE("SentencePiece models give the ids of the sentencepiece library") {
  check_recorded("small.model");
  check_recorded("bytes.model");
}

TEST_CASE("tokenizer.json gives the ids of the tokenizers library") {
  check_recorded("small.json");
}

TEST_CASE("the vocabularies of T5 and umT5 give the ids of the tokenizers library") {
  if (directory_of("t5.json").empty()) {
    WARN("passed over: FRAMEMILL_VOCABULARIES is not set (see tools/reference/tokens.py)");
    return;
  }
  check_recorded("t5.json");
  check_recorded("umt5.json");
  CHECK(joined(opened("t5.json")->encode("A long paragraph for summarization.")) ==
        "71 307 8986 21 4505 1635 1707 5 1 ");
  // tests/models/umt5/test_modeling_umt5.py, whose tokeniser leaves out the blanks beside added tokens (273).
  std::vector<int> ids = opened("umt5.json")->encode("No se como puedo <extra_id_0>.");
  std::erase(ids, 273);
  CHECK(joined(ids) == "826 321 671 25922 256299 274 1 ");
}

TEST_CASE("both files of one model give the same ids for clean texts") {
  const auto model = opened("small.model"), json = opened("small.json");
  for (const char* text : {"A red lantern hangs over the harbour", "Möwen kreisen, grau", "Красный фонарь",
                           "夕暮れの港に赤い提灯", "red ᚠᚢᚦ runes", ""})
    CHECK(joined(model->encode(text)) == joined(json->encode(text)));
}

TEST_CASE("a text that is too long is cut at a token, with the end token last and the place of the cut") {
  const std::string text = "The camera moves slowly along the wet street, past the lit windows of a bakery.";
  for (const char* model : {"small.model", "small.json", "bytes.model"}) {
    const auto tokenizer = opened(model);
    const std::vector<int> whole = tokenizer->encode(text);
    for (std::size_t limit = 1; limit <= whole.size() + 2; ++limit) {
      INFO(model << " " << limit);
      const Tokenizer::Cut cut = tokenizer->encode(text, limit);
      CHECK(cut.tokens == whole.size());
      CHECK(cut.ids.size() == std::min(limit, whole.size()));
      CHECK(cut.ids.back() == tokenizer->end_id());
      CHECK(std::equal(cut.ids.begin(), cut.ids.end() - 1, whole.begin()));
      CHECK((cut.cut_at_byte == Tokenizer::npos) == (limit >= whole.size()));
    }
    CHECK(tokenizer->encode(text, 1).cut_at_byte == 0);
  }
}

TEST_CASE("the place of a cut is in the text as it was given, not as it was normalised") {
  // Full-width letters are three bytes each; blanks at the front go.
  for (const char* model : {"small.model", "small.json"}) {
    const auto tokenizer = opened(model);
    const std::string text = "   Ｔｈｅ camera ﬁre";
    const std::size_t tokens = tokenizer->encode(text).size();
    std::vector<std::size_t> places;
    for (std::size_t limit = 2; limit < tokens; ++limit) places.push_back(tokenizer->encode(text, limit).cut_at_byte);
    CHECK(std::is_sorted(places.begin(), places.end()));
    for (const std::size_t place : places)
      CHECK((place < text.size() && base::utf8_length(std::string_view(text).substr(place)) > 0));
    const std::size_t of_camera = text.find(" camera");
    CHECK(std::any_of(places.begin(), places.end(), [&](std::size_t p) { return p == of_camera; }));
  }
}

TEST_CASE("bytes that are not UTF-8 are taken for replacement characters") {
  for (const char* model : {"small.model", "small.json"}) {
    const auto tokenizer = opened(model);
    CHECK(joined(tokenizer->encode("red \xFF\xC3 sky")) == joined(tokenizer->encode("red \uFFFD\uFFFD sky")));
  }
}

TEST_CASE("SentencePiece files that are damaged or of another kind are refused with the reason") {
  const auto refused = [](const std::string& file) { return refusal_of(file, TokenizerFormat::SentencePiece); };
  using Catch::Contains;
  CHECK_THAT(refused(""), Contains("0 unknown pieces"));
  CHECK_THAT(refused("not a model"), Contains("malformed or cut short"));
  CHECK_THAT(refused(kSpecials + piece_of("a", 1) + "\x0A\x7F"), Contains("cut short after 3 pieces"));
  CHECK(refused(kSpecials + piece_of("a", 1)) == "accepted");
  CHECK_THAT(refused(kSpecials), Contains("no piece can be searched for"));
  CHECK_THAT(refused(kSpecials + piece_of("a", 1) + piece_of("a", 1)), Contains("pieces 2 and 3 are the same"));
  CHECK_THAT(refused(kSpecials + piece_of("a", 9)), Contains("piece 2 is of unknown type 9"));
  CHECK_THAT(refused(kSpecials + piece_of("", 1)), Contains("piece 2 is empty"));
  CHECK_THAT(refused(kSpecials + piece_of(std::string(5000, 'a'), 1)), Contains("5000 bytes; the limit is 4096"));
  CHECK_THAT(refused(piece_of("<unk>", 2) + piece_of("a", 1)), Contains("no end piece '</s>'"));
  CHECK_THAT(refused(kSpecials + piece_of("<u2>", 2)), Contains("2 unknown pieces"));
  CHECK_THAT(refused(kSpecials + field(1, field(1, "a") + std::string("\x15\0\0\xC0\x7F", 5))), Contains("not finite"));
  CHECK_THAT(refused(kSpecials + piece_of("a", 1) + field(2, "\x18\x02")), Contains("model type 2; only unigram"));
  CHECK_THAT(refused(kSpecials + piece_of("a", 1) + field(3, field(2, "\x05"))), Contains("cut short"));
  CHECK_THAT(refused(kSpecials + piece_of("a", 1) + field(3, field(2, std::string("\xFF\0\0\0abcdef", 10)))),
             Contains("a trie of 255 bytes in 10 bytes"));
}

TEST_CASE("normalisation rules that lead out of the trie or in circles find nothing") {
  // One unit, whose children are itself: node = 0 xor byte, label equal for every byte that leads back to it.
  const std::string circle("\x04\0\0\0\x00\x00\x00\x00x\0", 10);
  const std::string outside("\x04\0\0\0\x61\xFF\xFF\x7Fx\0", 10);
  for (const std::string& rules : {circle, outside}) {
    const auto tokenizer =
        Tokenizer::parse(kSpecials + piece_of("a", 1) + field(3, field(2, rules)), TokenizerFormat::SentencePiece);
    REQUIRE(tokenizer.ok());
    CHECK(joined((*tokenizer)->encode(std::string("a\0a\0", 4))) != "");
  }
}

TEST_CASE("a tokenizer.json that asks for what is not supported is refused by name") {
  using Catch::Contains;
  CHECK_THAT(json_refusal("\"Metaspace\"", "\"ByteLevel\""),
             Contains("the pre-tokeniser \"ByteLevel\" is not supported"));
  CHECK_THAT(json_refusal("\"Strip\"", "\"Lowercase\""), Contains("the normaliser \"Lowercase\" is not supported"));
  CHECK_THAT(json_refusal(" {2,}", "\\\\s+"), Contains("the pattern \"\\s+\" is not supported"));
  CHECK_THAT(json_refusal("\"Unigram\"", "\"BPE\""), Contains("the model \"BPE\" is not supported"));
  CHECK_THAT(json_refusal("\"always\"", "\"often\""), Contains("the prepend_scheme \"often\""));
  CHECK_THAT(json_refusal("\"unk_id\": 2", "\"unk_id\": 999999"), Contains("the unknown piece has id 999999"));
  CHECK_THAT(json_refusal("\"unk_id\": 2", "\"unk_id\": null"), Contains("no model.unk_id"));
  CHECK_THAT(json_refusal("\"ids\": [1]", "\"ids\": [4000]"), Contains("the end token has id 4000"));
  CHECK_THAT(json_refusal("\"TemplateProcessing\"", "\"BertProcessing\""), Contains("does not add just an end token"));
  CHECK_THAT(json_refusal("{\"id\": 1,", "{\"id\": -1,"), Contains("an added token without its content or id"));
  CHECK_THAT(json_refusal("\"normalized\": false", "\"normalized\": true"), Contains("normalized of the added token"));
  CHECK_THAT(json_refusal("[\"</s>\", 0.0]", "[\"</s>\"]"), Contains("piece 1 is not a text and a number"));
  CHECK_THAT(json_refusal("precompiled_charsmap\": \"", "precompiled_charsmap\": \"*"), Contains("not base64"));
  const auto refused = [](std::string_view file) { return refusal_of(file, TokenizerFormat::TokenizerJson); };
  CHECK_THAT(refused(""), Contains("not valid JSON"));
  CHECK_THAT(refused("[]"), Contains("no model"));
  CHECK_THAT(refused("{\"model\": {\"vocab\": [], \"unk_id\": 0}}"), Contains("0 pieces"));
  CHECK_THAT(refused(std::string(100'000, '[')), Contains("not valid JSON"));
}

TEST_CASE("a missing file and one that is too large are errors with the path") {
  CHECK(Tokenizer::open(kReference / "nothing.model").error().code == "file.open");
}

TEST_CASE("files with random damage are refused or read, and what is read cuts texts") {
  std::mt19937 random(20261201);
  for (const auto& [name, format] :
       std::map<std::string, TokenizerFormat>{{"small.model", TokenizerFormat::SentencePiece},
                                              {"bytes.model", TokenizerFormat::SentencePiece},
                                              {"small.json", TokenizerFormat::TokenizerJson}}) {
    const std::string whole = file_of(name);
    int read = 0;
    for (int i = 0; i < 400; ++i) {
      std::string damaged = whole;
      for (unsigned n = 1 + random() % 8; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
      if (i % 4 == 0) damaged.resize(random() % damaged.size());
      const auto tokenizer = Tokenizer::parse(damaged, format);
      if (!tokenizer.ok()) {
        CHECK(tokenizer.error().code == "model.tokenizer");
        continue;
      }
      ++read;
      const Tokenizer::Cut cut = (*tokenizer)->encode("  A réd \xFF ﬁre ＡＢＣ 港に [mark] </s> e\u0301 ", 16);
      CHECK(cut.ids.size() <= 16);
      CHECK(cut.tokens >= cut.ids.size());
    }
    CHECK(read > 0);  // else nothing has been tried
  }
}

}  // namespace framemill::models
