#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::templates {

// Carries out "PATH=VALUE" on a document. PATH are keys with dots between them, "\." for a dot that
// is part of a key, and numbers for places in a list, from 0 ("a.0" or "a[0]"; the number of its
// items adds one). Mappings that are missing on the way are made. VALUE is YAML: a scalar of the
// core schema, a quoted string, "[…]" or "{…}"; null takes the key out. Where a string is and VALUE
// is not quoted, it stays a string. Code::kUsage.
Result<void> set_value(boost::json::value& document, std::string_view assignment);

}  // namespace rdev::templates
