#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::http {

// What `packed` (RFC 1952) holds. Code::kLimit when that is more than `max_bytes`, Code::kProtocol
// when it is damaged or cut off.
Result<std::string> gunzip(std::string_view packed, std::size_t max_bytes);

}  // namespace rdev::http
