#include "client/templates/core_schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

namespace rdev::templates {

namespace json = boost::json;

namespace {

constexpr std::string_view kTags = "tag:yaml.org,2002:";
constexpr std::string_view kDigits = "0123456789";

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool all_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

std::string_view without_sign(std::string_view text) {
  return text.starts_with('+') || text.starts_with('-') ? text.substr(1) : text;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_decimal(std::string_view text) {
  text = without_sign(text);
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    if (!all_of(without_sign(text.substr(e + 1)), kDigits)) {
      return false;
    }
    text = text.substr(0, e);
  }
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction = text.substr(std::min(dot + 1, text.size()));
  return (whole.empty() ? dot < text.size() && !fraction.empty() : all_of(whole, kDigits)) &&
         (fraction.empty() || all_of(fraction, kDigits));
}

template <class T>
std::optional<T> whole(std::string_view text, int base) {
  T number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(end - text.size(), end, number, base);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

// As JSON has them: what is whole is an integer, also "4.0" and "1e3". Infinite: out of range.
std::optional<json::value> number_of(std::string_view text) {
  if (text.starts_with("0o") || text.starts_with("0x")) {
    const bool octal = text[1] == 'o';
    text = text.substr(2);
    if (!all_of(text, octal ? "01234567" : "0123456789abcdefABCDEF")) {
      return std::nullopt;
    }
    const auto number = whole<std::uint64_t>(text, octal ? 8 : 16);
    return number ? std::optional<json::value>(*number) : std::nullopt;
  }
  if (!is_decimal(text)) {
    return std::nullopt;
  }
  if (text.starts_with('+')) {
    text = text.substr(1);
  }
  if (const auto number = whole<std::int64_t>(text, 10)) {
    return *number;
  }
  if (const auto number = whole<std::uint64_t>(text, 10)) {
    return *number;
  }
  double number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec ==
      std::errc::result_out_of_range) {
    number = std::numeric_limits<double>::infinity();
  }
  if (std::trunc(number) == number && std::abs(number) < 0x1p63) {
    return static_cast<std::int64_t>(number);
  }
  if (std::trunc(number) == number && number > 0 && number < 0x1p64) {
    return static_cast<std::uint64_t>(number);
  }
  return number;
}

bool is_out_of_range(const std::optional<json::value>& value) {
  return value && value->is_double() && !std::isfinite(value->get_double());
}

std::optional<json::value> plain(std::string_view text) {
  if (text.empty() || is_one_of(text, {"~", "null", "Null", "NULL"})) {
    return json::value(nullptr);
  }
  if (is_one_of(text, {"true", "True", "TRUE"})) {
    return true;
  }
  if (is_one_of(text, {"false", "False", "FALSE"})) {
    return false;
  }
  return number_of(text);
}

bool is_not_a_number(std::string_view text) {
  return is_one_of(without_sign(text), {".inf", ".Inf", ".INF"}) ||
         is_one_of(text, {".nan", ".NaN", ".NAN"});
}

}  // namespace

Result<json::value> core_schema_value(std::string_view tag, std::string_view text) {
  if (tag == "!" || tag == std::string(kTags) + "str") {
    return json::value(json::string(text));
  }
  if (tag == "?" && is_not_a_number(text)) {
    return fail(Code::kUsage, "JSON, which is what is sent, has no '" + std::string(text) +
                                  "'; write it in quotes if it is text");
  }
  const std::optional<json::value> value = plain(text);
  if (is_out_of_range(value)) {
    return fail(Code::kUsage, "the number " + std::string(text.substr(0, 40)) +
                                  " is too large or too small; write it in quotes if it is text");
  }
  if (tag == "?") {
    return value.value_or(json::value(json::string(text)));
  }
  const auto wanted = [&](std::string_view kind) {
    return tag == std::string(kTags) + std::string(kind);
  };
  if (value && ((wanted("null") && value->is_null()) || (wanted("bool") && value->is_bool()) ||
                (wanted("int") && (value->is_int64() || value->is_uint64())) ||
                (wanted("float") && value->is_number()))) {
    return *value;
  }
  return fail(Code::kUsage,
              "'" + std::string(text) + "' does not go with the tag '" + std::string(tag) + "'");
}

}  // namespace rdev::templates
