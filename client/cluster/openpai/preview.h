#pragma once

#include <boost/json/value.hpp>

namespace rdev::cluster::openpai {

// The job without its secrets: ****** in their place.
boost::json::value without_secrets(boost::json::value job);

}  // namespace rdev::cluster::openpai
