#pragma once

#include <boost/property_tree/ptree_fwd.hpp>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::storage {

// A document of at most `max_bytes`, nested at most 16 deep, without a DTD, comments and CDATA
// (the reader below calls itself for each level, hence the check before it). Code::kLimit,
// Code::kProtocol; the text is not quoted.
Result<boost::property_tree::ptree> parse_xml(std::string_view text, std::size_t max_bytes);

}  // namespace rdev::storage
