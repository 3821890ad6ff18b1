#include "client/templates/set_value.h"

#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <vector>

#include "client/templates/core_schema.h"
#include "client/templates/typed_yaml.h"

namespace rdev::templates {
namespace {

namespace json = boost::json;

constexpr std::size_t kDeepest = 32;

// The steps of a path; a step that is a number may be a key as well.
Result<std::vector<std::string>> steps_of(std::string_view path) {
  std::vector<std::string> steps(1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '\\' && i + 1 < path.size()) {
      steps.back() += path[++i];
    } else if (c == '.') {
      steps.emplace_back();
    } else if (c == '[') {
      const std::size_t end = path.find(']', i);
      if (end == std::string_view::npos) {
        return fail(Code::kUsage, "there is a '[' without a ']'");
      }
      steps.emplace_back(path.substr(i + 1, end - i - 1));
      i = end;
    } else {
      steps.back() += c;
    }
  }
  for (const std::string& step : steps) {
    if (step.empty()) {
      return fail(Code::kUsage, "a key is empty");
    }
  }
  if (steps.size() > kDeepest) {
    return fail(Code::kUsage, "the path is too long");
  }
  return steps;
}

std::optional<std::size_t> index_of(const std::string& step) {
  std::size_t index = 0;
  const char* end = step.data() + step.size();
  const auto [rest, error] = std::from_chars(step.data(), end, index);
  return error == std::errc() && rest == end ? std::optional(index) : std::nullopt;
}

// The item of a list; the one behind its last is made.
Result<json::value*> item_of(json::array& list, const std::string& step) {
  const auto index = index_of(step);
  if (!index || *index > list.size()) {
    return fail(Code::kUsage, "'" + step + "' is no place in a list of " +
                                  std::to_string(list.size()) + " (the first is 0)");
  }
  if (*index == list.size()) {
    list.emplace_back(nullptr);
  }
  return &list[*index];
}

// What `step` names in `value`, which becomes a mapping if it is nothing yet.
Result<json::value*> child_of(json::value& value, const std::string& step) {
  if (value.is_array()) {
    return item_of(value.get_array(), step);
  }
  if (value.is_null()) {
    value.emplace_object();
  }
  if (!value.is_object()) {
    return fail(Code::kUsage, "what '" + step + "' should be in is no mapping and no list");
  }
  return &value.get_object()[step];
}

bool is_quoted_or_flow(std::string_view text) {
  return !text.empty() && std::string_view("\"'[{").find(text.front()) != std::string_view::npos;
}

Result<json::value> value_of(std::string_view text, const json::value& old) {
  if (is_quoted_or_flow(text)) {
    auto parsed = parse_typed_yaml(text, "VALUE");
    return parsed ? Result<json::value>(parsed->value()) : tl::make_unexpected(parsed.error());
  }
  if (old.is_string() || text.empty()) {
    return json::value(text);
  }
  return core_schema_value("?", text);
}

void take_out(json::value& parent, const std::string& step) {
  if (parent.is_object()) {
    parent.get_object().erase(step);
  } else {
    json::array& list = parent.get_array();
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(*index_of(step)));
  }
}

Result<void> set_at(json::value& document, std::string_view path, std::string_view text) {
  const auto steps = steps_of(path);
  if (!steps) {
    return tl::make_unexpected(steps.error());
  }
  json::value* parent = nullptr;
  json::value* value = &document;
  for (const std::string& step : *steps) {
    parent = value;
    auto child = child_of(*value, step);
    if (!child) {
      return tl::make_unexpected(child.error());
    }
    value = *child;
  }
  if (text == "null" || text == "~") {
    take_out(*parent, steps->back());
    return {};
  }
  auto parsed = value_of(text, *value);
  if (!parsed) {
    return tl::make_unexpected(parsed.error());
  }
  *value = std::move(*parsed);
  return {};
}

}  // namespace

Result<void> set_value(json::value& document, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view path = assignment.substr(0, equals);
  if (equals == std::string_view::npos || path.empty()) {
    return fail(Code::kUsage, "'" + std::string(assignment) +
                                  "' is not PATH=VALUE, as in defaults.virtualCluster=research");
  }
  if (const std::size_t colon = path.find(':'); colon != std::string_view::npos) {
    std::string dotted(path);
    dotted[colon] = '.';
    return fail(Code::kUsage, "keys are joined by dots: " + dotted + "=…");
  }
  json::value changed = document;  // a step that fails leaves nothing behind
  const auto set = set_at(changed, path, assignment.substr(equals + 1));
  if (!set) {
    return prefix(std::string(path), set.error());
  }
  document = std::move(changed);
  return {};
}

}  // namespace rdev::templates
