#include "client/cluster/openpai/read_json.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "client/ui/table.h"

namespace rdev::cluster::openpai {
namespace {

bool is_between(char c, unsigned char first, unsigned char last) {
  return static_cast<unsigned char>(c) >= first && static_cast<unsigned char>(c) <= last;
}

// The beginning of `text` of at most `max` bytes, not cut within a UTF-8 character.
std::string_view whole_characters(std::string_view text, std::size_t max) {
  std::size_t end = std::min(text.size(), max);
  while (end > 0 && end < text.size() && is_between(text[end], 0x80, 0xbf)) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

Result<json::value> read_body(std::string_view body, std::string_view what) {
  const std::string named = "the server's " + std::string(what);
  if (body.size() > kMaxBodyBytes) {
    return fail(Code::kLimit, named + " is larger than 8 MiB");
  }
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(body.data(), body.size()), error);
  if (error) {
    return fail(Code::kProtocol, named + " is not JSON: " + error.message());
  }
  return value;
}

Result<json::object> read_object(std::string_view body, std::string_view what) {
  auto value = read_body(body, what);
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  if (!value->is_object()) {
    return fail(Code::kProtocol, "the server's " + std::string(what) + " is not a JSON object");
  }
  return std::move(value->get_object());
}

const json::value* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const json::object* object_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value == nullptr ? nullptr : value->if_array();
}

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

bool truth_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::vector<std::string> texts_in(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  if (const json::array* array = array_in(object, name); array != nullptr) {
    for (const json::value& item : *array) {
      if (item.is_string()) {
        texts.emplace_back(item.get_string());
      }
    }
  }
  return texts;
}

std::optional<std::int64_t> whole(const json::value& value) {
  if (value.is_int64()) {
    return value.get_int64();
  }
  if (value.is_double()) {
    const double real = value.get_double();
    constexpr double kExact = 9007199254740992.0;  // 2^53: doubles beyond it skip whole numbers
    if (std::abs(real) <= kExact && std::trunc(real) == real) {
      return static_cast<std::int64_t>(real);
    }
    return std::nullopt;
  }
  if (value.is_string()) {
    const json::string& text = value.get_string();
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && rest == end) {
      return number;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> whole_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value == nullptr ? std::nullopt : whole(*value);
}

std::optional<int> int_in(const json::object& object, std::string_view name) {
  const auto number = whole_in(object, name);
  if (!number || *number < std::numeric_limits<int>::min() ||
      *number > std::numeric_limits<int>::max()) {
    return std::nullopt;
  }
  return static_cast<int>(*number);
}

double real_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  if (value == nullptr) {
    return 0;
  }
  if (value->is_double()) {
    return std::isfinite(value->get_double()) ? value->get_double() : 0;
  }
  return static_cast<double>(whole(*value).value_or(0));
}

std::string plain(std::string_view text, std::size_t max) {
  constexpr std::string_view kMore = "…";
  const std::string_view looked_at = whole_characters(text, 8 * max);
  std::string line;
  for (const char c : looked_at) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      line += line.empty() || line.back() == ' ' ? "" : " ";
    } else if (is_between(c, 0x80, 0x9f) && !line.empty() && line.back() == '\xc2') {
      line.back() = '?';  // U+0080 to U+009F are control characters too
    } else {
      line += c;
    }
  }
  const bool more = looked_at.size() < text.size() || line.size() > max;
  if (more) {
    line.resize(whole_characters(line, max - std::min(max, kMore.size())).size());
  }
  while (!line.empty() && line.back() == ' ') {
    line.pop_back();
  }
  return ui::printable_line(line) + (more && max >= kMore.size() ? std::string(kMore) : "");
}

}  // namespace rdev::cluster::openpai
