#include "tests/unit/client/cluster/openpai/json_schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <regex>

namespace rdev::cluster::openpai::test {

namespace json = boost::json;

namespace {

bool is_type(const json::value& value, std::string_view type) {
  const bool whole = value.is_int64() || value.is_uint64() ||
                     (value.is_double() && std::trunc(value.get_double()) == value.get_double());
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "null" && value.is_null()) ||
         (type == "number" && value.is_number()) || (type == "integer" && whole);
}

bool matches(std::string_view text, const json::value& pattern) {
  return std::regex_search(std::string(text), std::regex(std::string(pattern.as_string())));
}

// RFC 7396.
json::value merged(json::value target, const json::value& patch) {
  if (!patch.is_object()) {
    return patch;
  }
  json::object result = target.is_object() ? target.get_object() : json::object();
  for (const auto& [key, value] : patch.get_object()) {
    result[key] = merged(result.contains(key) ? result[key] : json::value(), value);
  }
  return result;
}

}  // namespace

const json::value& JsonSchema::referred(std::string_view reference) const {
  const std::size_t hash = reference.find('#');
  for (const auto& [name, schema] : file_.as_object()) {
    if (schema.is_object() && schema.at("$id") == json::value(reference.substr(0, hash))) {
      return hash + 1 == reference.size() ? schema : schema.at_pointer(reference.substr(hash + 1));
    }
  }
  throw std::out_of_range("no schema " + std::string(reference));
}

bool JsonSchema::properties(const json::object& schema, const json::object& value) const {
  const json::value* named = schema.if_contains("properties");
  const json::value* patterns = schema.if_contains("patternProperties");
  const json::value* others = schema.if_contains("additionalProperties");
  for (const auto& [key, child] : value) {
    bool known = false;
    if (named != nullptr && named->as_object().contains(key)) {
      known = true;
      if (!accepts(named->at(key), child)) {
        return false;
      }
    }
    if (patterns != nullptr) {
      for (const auto& [pattern, its] : patterns->as_object()) {
        if (matches(key, json::value(pattern))) {
          known = true;
          if (!accepts(its, child)) {
            return false;
          }
        }
      }
    }
    if (!known && others != nullptr && !accepts(*others, child)) {
      return false;
    }
  }
  return true;
}

bool JsonSchema::keyword(const json::object& schema, std::string_view name,
                         const json::value& wanted, const json::value& value) const {
  const auto any = [&](auto accepts_one) {
    const json::array one{wanted};
    const json::array& all = wanted.is_array() ? wanted.get_array() : one;
    return std::count_if(all.begin(), all.end(), accepts_one);
  };
  const auto size_at_least = [&](std::size_t size) {
    return size >= static_cast<std::size_t>(wanted.as_int64());
  };
  if (name == "type") {
    return any([&](const json::value& type) { return is_type(value, type.as_string()); }) > 0;
  }
  if (name == "enum") {
    return any([&](const json::value& one) { return one == value; }) > 0;
  }
  if (name == "oneOf") {
    return any([&](const json::value& one) { return accepts(one, value); }) == 1;
  }
  if (name == "$ref") {
    return accepts(referred(wanted.as_string()), value);
  }
  if (name == "$merge") {
    const json::value& source = wanted.at("source");
    return accepts(merged(referred(source.at("$ref").as_string()), wanted.at("with")), value);
  }
  if (name == "pattern") {
    return !value.is_string() || matches(value.get_string(), wanted);
  }
  if (name == "maxLength") {
    return !value.is_string() ||
           value.get_string().size() <= static_cast<std::size_t>(wanted.as_int64());
  }
  if (name == "minimum") {
    return !value.is_number() || value.to_number<double>() >= wanted.to_number<double>();
  }
  if (name == "minItems") {
    return !value.is_array() || size_at_least(value.get_array().size());
  }
  if (name == "minProperties") {
    return !value.is_object() || size_at_least(value.get_object().size());
  }
  if (name == "items") {
    return !value.is_array() || std::all_of(value.get_array().begin(), value.get_array().end(),
                                            [&](const auto& one) { return accepts(wanted, one); });
  }
  if (name == "required") {
    return !value.is_object() ||
           std::all_of(wanted.as_array().begin(), wanted.as_array().end(), [&](const auto& key) {
             return value.get_object().contains(key.as_string());
           });
  }
  if (name == "properties" || name == "patternProperties" || name == "additionalProperties") {
    return !value.is_object() || properties(schema, value.get_object());
  }
  EXPECT_EQ(name, "$id") << "a keyword that this test does not know";
  return true;
}

bool JsonSchema::accepts(const json::value& schema, const json::value& value) const {
  if (schema.is_bool()) {
    return schema.get_bool();
  }
  return std::all_of(schema.as_object().begin(), schema.as_object().end(), [&](const auto& one) {
    return keyword(schema.get_object(), one.key(), one.value(), value);
  });
}

bool JsonSchema::accepts(const json::value& job) const {
  return accepts(file_.at("protocol"), job);
}

}  // namespace rdev::cluster::openpai::test
