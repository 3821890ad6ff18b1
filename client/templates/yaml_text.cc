#include "client/templates/yaml_text.h"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <string_view>

#include "client/templates/core_schema.h"

namespace rdev::templates {

namespace json = boost::json;

namespace {

std::string number(const json::value& value) {
  if (!value.is_double()) {
    return json::serialize(value);
  }
  // Boost writes 0.5 as 5E-1, which older YAML parsers take for a string.
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value.get_double()).ptr;
  return {text.data(), end};
}

void append_json(std::string& out, const json::value& value) {
  if (const json::object* object = value.if_object()) {
    const char* separator = "{";
    for (const auto& [key, child] : *object) {
      out += separator + json::serialize(json::value(key)) + ":";
      append_json(out, child);
      separator = ",";
    }
    out += object->empty() ? "{}" : "}";
  } else if (const json::array* array = value.if_array()) {
    const char* separator = "[";
    for (const json::value& child : *array) {
      out += separator;
      append_json(out, child);
      separator = ",";
    }
    out += array->empty() ? "[]" : "]";
  } else {
    out += value.is_number() ? number(value) : json::serialize(value);
  }
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Characters that mean nothing to YAML wherever they stand, and a value that stays a string.
bool can_be_plain(std::string_view text) {
  constexpr std::string_view kHarmless = " _./+=$()<>~^;";
  if (text.empty() || text.back() == ' ' ||
      (!is_letter_or_digit(text.front()) && text.front() != '/' && text.front() != '_' &&
       text.front() != '$')) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inner_dash = text[i] == '-' && i > 0;
    const bool inner_colon = text[i] == ':' && i + 1 < text.size() && text[i + 1] != ' ';
    if (!is_letter_or_digit(text[i]) && !inner_dash && !inner_colon &&
        kHarmless.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  const auto value = core_schema_value("?", text);
  return value && value->is_string();
}

// Several lines, none of which YAML would have to guess about.
bool can_be_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == '\n') {
    return false;
  }
  bool first = true;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.empty() && line.find_first_not_of(" \t") == std::string_view::npos) {
      return false;
    }
    if (first && (line.front() == ' ' || line.front() == '\t')) {
      return false;
    }
    first = false;
    for (const char c : line) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
        return false;
      }
    }
  }
  return true;
}

void append_block(std::string& out, std::string_view text, const std::string& indent) {
  out += '|';
  if (!text.ends_with('\n')) {
    out += '-';
  } else if (text.ends_with("\n\n")) {
    out += '+';
  }
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  for (;;) {
    const std::string_view line = text.substr(0, text.find('\n'));
    out += '\n';
    out += line.empty() ? "" : indent;
    out += line;
    if (line.size() == text.size()) {
      return;
    }
    text.remove_prefix(line.size() + 1);
  }
}

std::string one_line(std::string_view text) {
  return can_be_plain(text) ? std::string(text) : json::serialize(json::value(json::string(text)));
}

// Behind "KEY:" or "-". `indent` is that of what stands below it.
void append_yaml(std::string& out, const json::value& value, const std::string& indent) {
  if (const json::string* text = value.if_string()) {
    out += ' ';
    if (can_be_block(*text)) {
      append_block(out, *text, indent);
    } else {
      out += one_line(*text);
    }
  } else if (const json::object* object = value.if_object(); object && !object->empty()) {
    for (const auto& [key, child] : *object) {
      out += '\n' + indent + one_line(key) + ':';
      append_yaml(out, child, indent + "  ");
    }
  } else if (const json::array* array = value.if_array(); array && !array->empty()) {
    for (const json::value& child : *array) {
      out += '\n' + indent + '-';
      std::string item;
      append_yaml(item, child, indent + "  ");
      // What an item has within begins on the item's own line.
      out += item.starts_with('\n') ? " " + item.substr(indent.size() + 3) : item;
    }
  } else {
    out += ' ' + (value.is_number() ? number(value) : json::serialize(value));
  }
}

}  // namespace

std::string to_json(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string to_yaml(const json::value& value) {
  std::string out;
  append_yaml(out, value, value.is_structured() ? "" : "  ");
  return out.substr(1) + "\n";
}

}  // namespace rdev::templates
