#include "client/http/json.h"

#include <boost/json/parse.hpp>

namespace rdev::http {

Result<json::value> parse_json(std::string_view text, const std::string& where) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) {
    return fail(Code::kProtocol, where + " is not JSON: " + error.message());
  }
  return value;
}

const json::value* find_at(const json::value& value, std::string_view pointer) {
  boost::system::error_code error;
  return value.find_pointer(pointer, error);
}

std::string text_at(const json::value& value, std::string_view pointer) {
  const json::value* found = find_at(value, pointer);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

std::int64_t int_at(const json::value& value, std::string_view pointer) {
  const json::value* found = find_at(value, pointer);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

bool bool_at(const json::value& value, std::string_view pointer) {
  const json::value* found = find_at(value, pointer);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::vector<std::string> texts_at(const json::value& value, std::string_view pointer) {
  std::vector<std::string> texts;
  const json::value* found = find_at(value, pointer);
  if (found != nullptr && found->is_array()) {
    for (const json::value& item : found->get_array()) {
      if (item.is_string()) {
        texts.emplace_back(item.get_string());
      }
    }
  }
  return texts;
}

json::array to_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) {
    array.emplace_back(text);
  }
  return array;
}

}  // namespace rdev::http
