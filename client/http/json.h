#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::http {

namespace json = boost::json;

// Code::kProtocol "WHERE is not JSON: …".
Result<json::value> parse_json(std::string_view text, const std::string& where);

// What stands at an RFC 6901 pointer ("/State/ExitCode"); nullptr when there is nothing.
const json::value* find_at(const json::value& value, std::string_view pointer);

// The same with a type; what is absent or of another type is empty, 0, false.
std::string text_at(const json::value& value, std::string_view pointer);
std::int64_t int_at(const json::value& value, std::string_view pointer);
bool bool_at(const json::value& value, std::string_view pointer);
std::vector<std::string> texts_at(const json::value& value, std::string_view pointer);

json::array to_json(const std::vector<std::string>& texts);

}  // namespace rdev::http
