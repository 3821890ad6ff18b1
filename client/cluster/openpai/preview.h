#pragma once

#include <boost/json/value.hpp>
#include <string_view>

namespace rdev::cluster::openpai {

// What stands for a secret, here and in what the server gives back.
inline constexpr std::string_view kMasked = "******";

// The job without its secrets: ****** in their place.
boost::json::value without_secrets(boost::json::value job);

}  // namespace rdev::cluster::openpai
