#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::templates {

// What a scalar with this tag is by YAML's core schema (YAML 1.2.2, section 10.3): null, bool,
// number or string. The tag is "?" for plain and "!" for quoted ones. The message of an error has
// no place.
Result<boost::json::value> core_schema_value(std::string_view tag, std::string_view text);

}  // namespace rdev::templates
