#include "client/templates/strict_yaml.h"

#include <charconv>
#include <cmath>
#include <set>

#include "client/templates/yaml_documents.h"
#include "client/ui/suggest.h"

namespace rdev::templates {
namespace {

// Deep enough for any template; yaml-cpp recurses by depth.
constexpr std::size_t kMaxFlowDepth = 100;

std::string place(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) {
    return file;
  }
  return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

// Flow collections nest by one character each, so a short text could exhaust the parser's stack.
bool nests_too_deep(std::string_view text) {
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') {
      if (++depth > kMaxFlowDepth) {
        return true;
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

bool is_null_text(const std::string& text) { return text.empty() || text == "~" || text == "null"; }

// A plain (unquoted) scalar has the tag "?", a quoted one "!".
bool is_null(const YAML::Node& node) {
  return node.IsNull() || (node.IsScalar() && node.Tag() == "?" && is_null_text(node.Scalar()));
}

}  // namespace

tl::unexpected<Error> Value::wrong(const std::string& what) const {
  return fail(Code::kUsage, place(file_, mark_) + ": " + (key_.empty() ? "" : key_ + ": ") + what);
}

Value Value::child(const YAML::Node& key, const YAML::Node& value) const {
  const std::string& name = key.Scalar();
  Value child(value, key_.empty() ? name : key_ + "." + name, file_);
  if (is_null(value)) {
    child.mark_ = key.Mark();  // what is not written has its mark somewhere behind
  }
  return child;
}

Result<std::string> Value::text() const {
  if (is_null(node_)) {
    return wrong("has no value (remove the key, or write \"\")");
  }
  if (!node_.IsScalar()) {
    return wrong(std::string("must be one value, not a ") +
                 (node_.IsSequence() ? "list" : "mapping"));
  }
  if (node_.Scalar().find('\0') != std::string::npos) {
    return wrong("must not contain a NUL character");
  }
  return node_.Scalar();
}

Result<bool> Value::flag() const {
  const auto value = text();
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  if (*value != "true" && *value != "false") {
    return wrong("must be true or false, not '" + *value + "'");
  }
  return *value == "true";
}

Result<double> Value::number() const {
  const auto value = text();
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  double number = 0;
  const char* end = value->data() + value->size();
  const auto [rest, error] = std::from_chars(value->data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || rest != end || !std::isfinite(number)) {
    return wrong("must be a number, not '" + *value + "'");
  }
  return number;
}

Result<std::uint64_t> Value::whole_number(std::uint64_t least, std::uint64_t most) const {
  const auto value = text();
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  std::uint64_t number = 0;
  const char* end = value->data() + value->size();
  const auto [rest, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || rest != end || number < least || number > most) {
    return wrong("must be a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most) + ", not '" + *value + "'");
  }
  return number;
}

Result<std::vector<Value>> Value::items() const {
  std::vector<Value> found;
  if (is_null(node_)) {
    return found;
  }
  if (!node_.IsSequence()) {
    return wrong("must be a list, as in [a, b]");
  }
  for (std::size_t i = 0; i < node_.size(); ++i) {
    found.push_back(Value(node_[i], key_ + "[" + std::to_string(i) + "]", file_));
  }
  return found;
}

Result<std::vector<std::string>> Value::texts() const {
  const auto values = items();
  if (!values) {
    return tl::make_unexpected(values.error());
  }
  std::vector<std::string> found;
  for (const Value& value : *values) {
    auto text = value.text();
    if (!text) {
      return tl::make_unexpected(text.error());
    }
    found.push_back(std::move(*text));
  }
  return found;
}

Result<std::map<std::string, std::string>> Value::text_map() const {
  std::map<std::string, std::string> found;
  if (is_null(node_)) {
    return found;
  }
  if (!node_.IsMap()) {
    return wrong("must be a mapping, as in {KEY: value}");
  }
  for (const auto& pair : node_) {
    const auto key = Value(pair.first, key_, file_).text();
    if (!key) {
      return tl::make_unexpected(key.error());
    }
    auto text = child(pair.first, pair.second).text();
    if (!text) {
      return tl::make_unexpected(text.error());
    }
    if (!found.emplace(*key, std::move(*text)).second) {
      return Value(pair.first, key_, file_).wrong("'" + *key + "' is there twice");
    }
  }
  return found;
}

Result<void> Value::mapping(const std::map<std::string_view, Setter>& setters) const {
  if (is_null(node_)) {
    return {};
  }
  if (!node_.IsMap()) {
    return wrong("must be a mapping of keys to values, as in 'image: debian:12'");
  }
  std::vector<std::string_view> known;
  known.reserve(setters.size());
  for (const auto& [key, setter] : setters) {
    known.push_back(key);
  }
  std::set<std::string> seen;
  for (const auto& pair : node_) {
    const Value at_key(pair.first, key_, file_);
    const auto key = at_key.text();
    if (!key) {
      return tl::make_unexpected(key.error());
    }
    const auto setter = setters.find(*key);
    if (setter == setters.end()) {
      return at_key.wrong("unknown key '" + *key + "'" + ui::did_you_mean(*key, known));
    }
    if (!seen.insert(*key).second) {
      return at_key.wrong("'" + *key + "' is there twice");
    }
    if (auto set = setter->second(child(pair.first, pair.second)); !set) {
      return set;
    }
  }
  return {};
}

Result<Value> parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxYamlBytes) {
    return fail(Code::kLimit, file + " is longer than " + std::to_string(kMaxYamlBytes) + " bytes");
  }
  if (nests_too_deep(text)) {
    return fail(Code::kLimit, file + ": brackets are nested more than " +
                                  std::to_string(kMaxFlowDepth) + " deep");
  }
  try {
    // Without the end mark the parser takes a quote that is never closed for one that is.
    const std::string closed = std::string(text) + "\n...\n";
    if (const auto second = second_document(closed)) {
      return fail(Code::kUsage, place(file, *second) +
                                    ": this is not part of the document above; a second one must "
                                    "not begin here");
    }
    return Value(YAML::Load(closed), "", file);
  } catch (const YAML::Exception& e) {
    const bool open_quote = e.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
    return fail(Code::kUsage,
                place(file, e.mark) + ": " +
                    (open_quote ? "a quote that was opened above is never closed" : e.msg));
  }
}

}  // namespace rdev::templates
