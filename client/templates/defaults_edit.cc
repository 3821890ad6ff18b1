#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "client/templates/core_schema.h"
#include "client/templates/defaults.h"
#include "client/templates/yaml_text.h"

namespace rdev::templates {
namespace {

namespace json = boost::json;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Between two keys, it belongs to the second.
bool is_comment_or_blank(const std::string& line) {
  const std::size_t first = line.find_first_not_of(" \t\r\n");
  return first == std::string::npos || line.front() == '#';
}

struct Lines {
  std::size_t begin = 0, end = 0;
};

// Those of `key`; nullopt when the mapping does not have it.
std::optional<Lines> lines_of_key(const std::string& text, const std::string& key,
                                  const std::vector<std::string>& lines) {
  const YAML::Node root = YAML::Load(text);
  std::optional<Lines> found;
  for (const auto& pair : root) {
    if (pair.first.Scalar() == key) {
      found = Lines{.begin = static_cast<std::size_t>(pair.first.Mark().line), .end = lines.size()};
    }
  }
  if (!found) {
    return std::nullopt;
  }
  for (const auto& pair : root) {
    const auto line = static_cast<std::size_t>(pair.first.Mark().line);
    if (line > found->begin) {
      found->end = std::min(found->end, line);
    }
  }
  while (found->end > found->begin + 1 && is_comment_or_blank(lines[found->end - 1])) {
    --found->end;
  }
  return found;
}

// A number where YAML's is written in the same way: "4", not "010" or "1e3".
json::value scalar(const std::string& text) {
  const auto typed = core_schema_value("?", text);
  if (typed && typed->is_number() && to_json(*typed) == text) {
    return *typed;
  }
  return json::value(json::string(text));
}

std::string line_of(const DefaultKey& key, const DefaultValues& values) {
  if (!key.is_list) {
    return to_yaml(json::object{{std::string(key.name), scalar(values.front())}});
  }
  json::array list;
  for (const std::string& value : values) {
    list.push_back(scalar(value));
  }
  return to_yaml(json::object{{std::string(key.name), std::move(list)}});
}

}  // namespace

Result<std::string> edit_defaults(const DefaultsFile& file, const std::string& key,
                                  const std::optional<DefaultValues>& values) {
  const auto known = find_default_key(key);
  if (!known) {
    return tl::make_unexpected(known.error());
  }
  std::vector<std::string> lines = lines_of(file.text);
  std::optional<Lines> old;
  try {
    old = lines_of_key(file.text, key, lines);
  } catch (const YAML::Exception& e) {
    return fail(Code::kUsage, file.path.string() + ": " + e.msg);
  }
  std::size_t at = lines.size();
  if (old) {
    at = old->begin;
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(old->begin),
                lines.begin() + static_cast<std::ptrdiff_t>(old->end));
  } else if (!lines.empty() && !lines.back().ends_with('\n')) {
    lines.back() += '\n';
  }
  if (values) {
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), line_of(**known, *values));
  }
  std::string edited;
  for (const std::string& line : lines) {
    edited += line;
  }
  DefaultsFile wanted = file;
  wanted.values.erase(key);
  if (values) {
    wanted.values[key] = *values;
  }
  const auto any = [](const DefaultKey&, const DefaultValues&) { return Result<void>(); };
  const auto read = parse_defaults(edited, file.path, any);
  if (!read || read->values != wanted.values) {
    return fail(Code::kUsage, file.path.string() + " is written in a way that rdev cannot edit: " +
                                  (values ? "set " : "take out ") + key + " by hand");
  }
  return edited;
}

}  // namespace rdev::templates
