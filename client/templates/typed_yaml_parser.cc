#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "client/templates/core_schema.h"
#include "client/templates/strict_yaml.h"
#include "client/templates/typed_yaml.h"
#include "client/ui/utf8.h"

namespace rdev::templates {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxKeyBytes = 255;
// With what aliases repeat.
constexpr std::size_t kMaxNodes = 50'000;
constexpr std::size_t kMaxExpandedBytes = 4 * kMaxYamlBytes;

Place place_of(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{.line = mark.line + 1, .column = mark.column + 1};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool has_control(std::string_view text) { return std::ranges::any_of(text, is_control); }

// YAML does not allow it in a text (section 5.1), and yaml-cpp makes something else of it.
bool is_stray(char c) { return is_control(c) && c != '\t' && c != '\n' && c != '\r'; }

Place place_in(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {.line = static_cast<int>(std::ranges::count(before, '\n')) + 1,
          .column = static_cast<int>(offset - line_start) + 1};
}

// What a handler of yaml-cpp can only throw; parse_typed_yaml catches it.
[[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what) {
  throw YAML::ParserException(mark, what);
}

}  // namespace

// Builds the value from yaml-cpp's events.
class TypedYamlBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(mark, "this is not part of the document above; a second one must not begin here");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_key()) {
      refuse(mark, "a key has no name");
    }
    add(made(nullptr, mark, 0), anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_key()) {
      refuse(mark, "a key must be written out, not an alias");
    }
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
      refuse(mark, "this alias stands for what it is a part of");
    }
    charge(found->second, mark);
    Built copy = found->second;
    copy.node.value = place_of(mark);
    add(std::move(copy), 0, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (text.find('\0') != std::string::npos) {
      refuse(mark, "must not contain a NUL character");
    }
    if (ui::valid_utf8(text) != text) {  // what yaml-cpp makes of these two
      refuse(mark, "write \\x85 and \\xa0 in place of \\N and \\_");
    }
    if (wants_key()) {
      set_key(mark, tag, text);
      return;
    }
    auto value = core_schema_value(tag, text);
    if (!value) {
      refuse(mark, value.error().message);
    }
    add(made(std::move(*value), mark, text.size()), anchor, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(json::array(), mark, tag, "seq", anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(json::object(), mark, tag, "map", anchor);
  }
  void OnMapEnd() override { end(); }

  TypedYaml finish(std::string file) {
    TypedYaml document;
    document.file_ = std::move(file);
    if (root_) {
      document.value_ = std::move(root_->value);
      document.root_ = std::move(root_->node);
    }
    return document;
  }

 private:
  struct Built {
    json::value value;
    TypedYaml::Node node;
    std::size_t nodes = 1, bytes = 0;  // of all below
  };
  struct Open {
    Built built;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    std::optional<std::string> key;  // whose value comes next
    Place key_place;
  };

  Built made(json::value value, const YAML::Mark& mark, std::size_t bytes) {
    Built built{.value = std::move(value),
                .node = {.value = place_of(mark), .key = {}, .children = {}},
                .bytes = bytes};
    charge(built, mark);
    return built;
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().built.value.is_object() && !open_.back().key;
  }

  void set_key(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (text == "<<" && tag == "?") {
      refuse(mark, "'<<' does not merge here: write the keys themselves");
    }
    if (text.size() > kMaxKeyBytes || has_control(text)) {
      refuse(mark, "a key must be one line of at most " + std::to_string(kMaxKeyBytes) + " bytes");
    }
    Open& map = open_.back();
    if (map.built.value.as_object().contains(text)) {
      refuse(mark, "'" + text + "' is there twice");
    }
    map.built.bytes += text.size();
    bytes_ += text.size();
    map.key = text;
    map.key_place = place_of(mark);
  }

  void start(json::value empty, const YAML::Mark& mark, const std::string& tag,
             std::string_view kind, YAML::anchor_t anchor) {
    if (wants_key()) {
      refuse(mark, "a key must be one word, not a list or a mapping");
    }
    if (open_.size() >= kMaxDepth) {
      refuse(mark,
             "lists and mappings are nested more than " + std::to_string(kMaxDepth) + " deep");
    }
    if (!tag.empty() && tag != "?" && tag != "!" &&
        tag != "tag:yaml.org,2002:" + std::string(kind)) {
      refuse(mark, "the tag '" + tag + "' is not known here");
    }
    open_.push_back({.built = made(std::move(empty), mark, 0),
                     .anchor = anchor,
                     .mark = mark,
                     .key = {},
                     .key_place = {}});
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.built), done.anchor, done.mark);
  }

  void charge(const Built& built, const YAML::Mark& mark) {
    nodes_ += built.nodes;
    bytes_ += built.bytes;
    if (nodes_ > kMaxNodes || bytes_ > kMaxExpandedBytes) {
      refuse(mark, "the document is too large with what its aliases stand for");
    }
  }

  void add(Built built, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != 0) {
      charge(built, mark);
      anchored_.insert_or_assign(anchor, built);
    }
    if (open_.empty()) {
      if (built.value.is_null()) {
        built.node.value = {};  // its mark is behind all that is written
      }
      root_ = std::move(built);
      return;
    }
    Open& into = open_.back();
    into.built.nodes += built.nodes;
    into.built.bytes += built.bytes;
    if (json::array* array = into.built.value.if_array()) {
      array->push_back(std::move(built.value));
    } else {
      built.node.key = into.key_place;
      if (built.value.is_null()) {
        built.node.value = into.key_place;  // what is not written has its mark somewhere behind
      }
      into.built.value.as_object().emplace(*into.key, std::move(built.value));
      into.key.reset();
    }
    into.built.node.children.push_back(std::move(built.node));
  }

  std::optional<Built> root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Built> anchored_;
  std::size_t nodes_ = 0, bytes_ = 0;
  int documents_ = 0;
};

Result<TypedYaml> parse_typed_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) {
    return fail(Code::kLimit, file + " is longer than " + std::to_string(kMaxYamlBytes) + " bytes");
  }
  if (ui::valid_utf8(text) != text) {
    return fail(Code::kUsage, file + ": this is not UTF-8 text");
  }
  if (const auto stray = std::ranges::find_if(text, is_stray); stray != text.end()) {
    const Place place = place_in(text, static_cast<std::size_t>(stray - text.begin()));
    return fail(Code::kUsage,
                place_text(file, place) + ": a control character; in quotes write it as \"\\x1b\"");
  }
  try {
    // Without the end mark the parser takes a quote that is never closed for one that is. An empty
    // line before it would belong to a "|+" block.
    std::istringstream stream(std::string(text) + (text.ends_with('\n') ? "...\n" : "\n...\n"));
    YAML::Parser parser(stream);
    TypedYamlBuilder builder;
    if (parser.HandleNextDocument(builder)) {
      parser.HandleNextDocument(builder);
    }
    return builder.finish(file);
  } catch (const YAML::Exception& e) {
    const bool open_quote = e.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
    return fail(Code::kUsage,
                place_text(file, place_of(e.mark)) + ": " +
                    (open_quote ? "a quote that was opened above is never closed" : e.msg));
  }
}

}  // namespace rdev::templates
