#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

// How the parsers of this folder look at JSON. Null is the same as missing everywhere.
namespace rdev::cluster::openpai {

namespace json = boost::json;

inline constexpr std::size_t kMaxBodyBytes = 8U << 20U;

// Code::kProtocol "the server's WHAT …" when it is too long, or not JSON, or of another kind;
// Code::kLimit when it is longer than kMaxBodyBytes. The body is never quoted.
Result<json::value> read_body(std::string_view body, std::string_view what);
Result<json::object> read_object(std::string_view body, std::string_view what);

// nullptr when it is missing or null (or not an object, an array).
const json::value* member(const json::object& object, std::string_view name);
const json::object* object_in(const json::object& object, std::string_view name);
const json::array* array_in(const json::object& object, std::string_view name);

// What is missing or of another type is empty, false.
std::string text_in(const json::object& object, std::string_view name);
bool truth_in(const json::object& object, std::string_view name);
std::vector<std::string> texts_in(const json::object& object, std::string_view name);

// A whole number, or a string of decimal digits with or without a sign.
std::optional<std::int64_t> whole(const json::value& value);
std::optional<std::int64_t> whole_in(const json::object& object, std::string_view name);
std::optional<int> int_in(const json::object& object, std::string_view name);
// 0 when it is missing, of another type, or not finite.
double real_in(const json::object& object, std::string_view name);

// Foreign text for a sentence: one line without control characters, at most `max` bytes of whole
// UTF-8 characters; what was longer ends in "…".
std::string plain(std::string_view text, std::size_t max);

}  // namespace rdev::cluster::openpai
