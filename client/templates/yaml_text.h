#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace rdev::templates {

// JSON without line breaks. Numbers are written so that any YAML parser takes them for numbers,
// too.
std::string to_json(const boost::json::value& value);

// YAML that parse_typed_yaml reads as the same value; strings of several lines as blocks.
std::string to_yaml(const boost::json::value& value);

}  // namespace rdev::templates
